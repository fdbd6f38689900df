import { arrayPieces, pickleBytes, type Piece } from "../pickle-bytes.ts";
import { hostileFiles, type Case, type HostileFile } from "./hostile-file.ts";
import { counting, dictOf } from "./torch-files.ts";

const DATA = counting(24);

function file(...entries: readonly (readonly Piece[])[]): Uint8Array {
  return pickleBytes(...dictOf(...entries));
}

function array(code = "f4", shape: readonly number[] = [2, 3], data = DATA): readonly Piece[] {
  return arrayPieces("w", code, shape, data);
}

/** Opcodes in the place of an honest array's bytes. */
function withData(...pieces: readonly Piece[]): Uint8Array {
  return file(
    array().flatMap((piece): readonly Piece[] =>
      Array.isArray(piece) && piece[0] === "BINBYTES" ? pieces : [piece],
    ),
  );
}

const LATIN1 = (text: string): readonly Piece[] => [
  ["GLOBAL", "_codecs", "encode"],
  ["BINUNICODE", text],
  ["BINUNICODE", "latin1"],
  "TUPLE2",
  "REDUCE",
];

/** Paddle's table of a parameter that was cut up. */
export function sliceTable(shape: readonly number[], names: readonly string[]): readonly Piece[] {
  return [
    ["BINUNICODE", "UnpackBigParamInfor@@"],
    "EMPTY_DICT",
    ["BINUNICODE", "big"],
    "EMPTY_DICT",
    "MARK",
    ["BINUNICODE", "OriginShape"],
    "MARK",
    ...shape.map((size): Piece => ["BININT", size]),
    "TUPLE",
    ["BINUNICODE", "slices"],
    "EMPTY_LIST",
    "MARK",
    ...names.map((name): Piece => ["BINUNICODE", name]),
    "APPENDS",
    "SETITEMS",
    "SETITEM",
  ];
}

export const SLICES: readonly (readonly Piece[])[] = [
  arrayPieces("big@@.0", "f4", [4], DATA.subarray(0, 16)),
  arrayPieces("big@@.1", "f4", [2], DATA.subarray(16)),
];

const ARRAYS: readonly Case[] = [
  ["array-short", "has an array with too few bytes", "WB3403", () => file(array("f4", [2, 4]))],
  ["array-long", "has an array with too many bytes", "WB3403", () => file(array("f4", [2, 2]))],
  [
    "array-overflow",
    "has an array of 2^63 bytes",
    "WB3402",
    () => file(array("f4", [2 ** 30, 2 ** 30, 2])),
  ],
  [
    "array-negative",
    "has an array with a negative size",
    "WB3402",
    () => file(array("f4", [-2, 3])),
  ],
  [
    "array-dimensions",
    "has an array with 65 dimensions",
    "WB3402",
    () =>
      file(
        array(
          "f4",
          Array.from({ length: 65 }, () => 1),
        ),
      ),
  ],
  ["array-objects", "has an array of Python objects", "WB4401", () => file(array("O8", [3]))],
  ["array-texts", "has an array of texts", "WB4401", () => file(array("U6", [1]))],
  ["array-empty", "has an array that was never filled", "WB3402", () => file(array().slice(0, 8))],
  [
    "array-built-twice",
    "fills an array twice",
    "WB3203",
    () => file([...array(), ...array().slice(8)]),
  ],
  [
    "array-assigned",
    "assigns to an array's element with SETITEM",
    "WB3402",
    () => file([...array(), ["BININT1", 0], ["BINFLOAT", 5], "SETITEM"]),
  ],
  [
    "array-bytes-appended",
    "appends to an array's bytes",
    "WB3402",
    () =>
      withData(
        ["GLOBAL", "__builtin__", "bytearray"],
        ["BINBYTES", DATA.subarray(1)],
        "TUPLE1",
        "REDUCE",
        ["BININT1", 7],
        "APPEND",
      ),
  ],
  [
    "text-wide",
    "has bytes as text beyond U+00FF",
    "WB3402",
    () => withData(...LATIN1("ā".repeat(24))),
  ],
  [
    "text-short",
    "has bytes as a text that is too short",
    "WB3403",
    () => withData(...LATIN1("x".repeat(23))),
  ],
  [
    "text-codec",
    "decodes an array's bytes with a codec of its choice",
    "WB3402",
    () =>
      withData(
        ["GLOBAL", "_codecs", "encode"],
        ["BINUNICODE", "x".repeat(24)],
        ["BINUNICODE", "rot13"],
        "TUPLE2",
        "REDUCE",
      ),
  ],
  [
    "dtype-none",
    "has an array whose dtype is a text",
    "WB3402",
    () =>
      file(
        array().map((piece): Piece =>
          Array.isArray(piece) && piece[1] === "numpy" && piece[2] === "dtype"
            ? ["GLOBAL", "builtins", "str"]
            : piece,
        ),
      ),
  ],
  ["same-name-twice", "has one name twice", "WB3305", () => file(array(), array("i4"))],
  ["no-arrays", "holds no arrays", "WB3401", () => file()],
  [
    "bytes-behind",
    "has bytes behind its pickle",
    "WB3401",
    () => Buffer.concat([file(array()), Buffer.from("x")]),
  ],
  [
    "slice-missing",
    "lacks a slice",
    "WB3404",
    () => file(...SLICES, sliceTable([2, 3], ["big@@.0", "big@@.2"])),
  ],
  [
    "slice-twice",
    "uses a slice twice",
    "WB3404",
    () => file(...SLICES, sliceTable([2, 4], ["big@@.0", "big@@.0"])),
  ],
  [
    "slice-sizes",
    "has slices of another size in all",
    "WB3404",
    () => file(...SLICES, sliceTable([2, 4], ["big@@.0", "big@@.1"])),
  ],
  [
    "slice-dimensions",
    "has slices of an array with 1,000 dimensions",
    "WB3404",
    () =>
      file(
        ...SLICES,
        sliceTable([6, ...Array.from({ length: 999 }, () => 1)], ["big@@.0", "big@@.1"]),
      ),
  ],
  [
    "ordered-dict-argument",
    "gives an OrderedDict what are no pairs",
    "WB3301",
    () =>
      pickleBytes(
        ["GLOBAL", "collections", "OrderedDict"],
        ["BINUNICODE", "ab"],
        "TUPLE1",
        "REDUCE",
        "STOP",
      ),
  ],
];

export const BROKEN_PADDLE: readonly HostileFile[] = hostileFiles("broken", "paddle", ARRAYS);
