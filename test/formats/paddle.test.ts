import { describe, expect, it } from "vitest";
import { caught } from "../support/caught.ts";
import { sliceTable, SLICES } from "../support/hostile/broken-paddle.ts";
import { openBytes } from "../support/open-bytes.ts";
import { arrayPieces, pickleBytes, type Piece } from "../support/pickle-bytes.ts";

const DATA = Uint8Array.from({ length: 24 }, (_unused, at) => at);

function file(...entries: readonly (readonly Piece[])[]): Uint8Array {
  return pickleBytes(["PROTO", 2], "EMPTY_DICT", "MARK", ...entries.flat(), "SETITEMS", "STOP");
}

function array(code = "f4", shape: readonly number[] = [2, 3], data = DATA, isFortran = false) {
  return arrayPieces("w", code, shape, data, isFortran);
}

describe("a .pdparams file", () => {
  it("gives arrays in C and in Fortran order, and uint16 as bfloat16", async () => {
    const [c] = await openBytes(file(array()));
    expect([c?.dtype, c?.shape, c?.strides]).toEqual(["F32", [2, 3], [3, 1]]);
    const [fortran] = await openBytes(file(array("f4", [2, 3], DATA, true)));
    expect(fortran?.strides).toEqual([1, 2]);
    const [bfloat] = await openBytes(file(array("u2", [12])));
    expect(bfloat?.dtype).toBe("BF16");
  });

  it("puts slices together in the order of their table", async () => {
    const [whole, ...others] = await openBytes(
      file(...SLICES.toReversed(), sliceTable([2, 3], ["big@@.0", "big@@.1"])),
    );
    expect(others).toEqual([]);
    expect([whole?.name, whole?.shape]).toEqual(["big", [2, 3]]);
    expect(await whole?.source.read(0, 24)).toEqual(DATA);
  });

  const refused: readonly (readonly [string, string, Uint8Array])[] = [
    ["an array with too few bytes", "WB3403", file(array("f4", [2, 4]))],
    ["an array with too many bytes", "WB3403", file(array("f4", [2, 2]))],
    ["an array with more than 2^53 bytes", "WB3402", file(array("f4", [2 ** 30, 2 ** 30, 8]))],
    ["an array with a negative size", "WB3402", file(array("f4", [-2, 3]))],
    ["an array of objects", "WB4401", file(array("O8", [3]))],
    ["an array of texts", "WB4401", file(array("U6", [1]))],
    ["an array that was never filled", "WB3402", file(array().slice(0, 8))],
    [
      "an array with 65 dimensions",
      "WB3402",
      file(
        array(
          "f4",
          Array.from({ length: 65 }, () => 1),
        ),
      ),
    ],
    ["the same name twice", "WB3305", file(array(), array())],
    ["no arrays", "WB3401", file()],
    ["bytes behind the pickle", "WB3401", Buffer.concat([file(array()), Buffer.from("x")])],
    [
      "a slice that is missing",
      "WB3404",
      file(...SLICES, sliceTable([2, 3], ["big@@.0", "big@@.2"])),
    ],
    [
      "a slice that is used twice",
      "WB3404",
      file(...SLICES, sliceTable([2, 4], ["big@@.0", "big@@.0"])),
    ],
    [
      "slices of another size",
      "WB3404",
      file(...SLICES, sliceTable([2, 4], ["big@@.0", "big@@.1"])),
    ],
    ["a table of slices without names", "WB3404", file(...SLICES, sliceTable([2, 3], []))],
    [
      "slices of two dtypes",
      "WB3404",
      file(
        SLICES[0] ?? [],
        arrayPieces("big@@.1", "i4", [2], DATA.subarray(16)),
        sliceTable([2, 3], ["big@@.0", "big@@.1"]),
      ),
    ],
  ];

  it.each(refused)("is refused with %s", async (_name, code, bytes) => {
    const error = await caught(() => openBytes(bytes));
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(/^file: /)]);
  });

  it("never evaluates: eval('data', …) of Paddle's own tensors is refused", async () => {
    const call: readonly Piece[] = [
      ["BINUNICODE", "w"],
      ["GLOBAL", "__builtin__", "eval"],
      ["BINUNICODE", "data"],
      "EMPTY_DICT",
      "TUPLE2",
      "REDUCE",
    ];
    expect((await caught(() => openBytes(file(call)))).code).toBe("WB5201");
  });

  it("with bytearrays in bytearrays is refused without exhausting the stack", async () => {
    const nested: Piece[] = [];
    const depth = 100_000;
    for (let level = 0; level < depth; level++) nested.push(["GLOBAL", "__builtin__", "bytearray"]);
    nested.push(["BINBYTES", DATA], Buffer.alloc(2 * depth, Uint8Array.of(0x85, 0x52)));
    const pieces = array().flatMap((piece): readonly Piece[] =>
      Array.isArray(piece) && piece[0] === "BINBYTES" ? nested : [piece],
    );
    expect((await caught(() => openBytes(file(pieces)))).code).toBe("WB3402");
  });
});
