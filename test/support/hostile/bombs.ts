import { arrayPieces, pickleBytes, type Piece } from "../pickle-bytes.ts";
import { safetensorsBytes } from "../safetensors-file.ts";
import { zipBytes } from "../zip-bytes.ts";
import { hostileFiles, type Case, type HostileFile } from "./hostile-file.ts";
import { tarBytes } from "./tar-files.ts";
import { archive, dictOf, tensor } from "./torch-files.ts";

/** A list that gets batches of a million copies of these opcodes, about as many as the machine's stack may hold. */
function batches(count: number, ...unit: readonly number[]): Uint8Array {
  const batch: readonly Piece[] = [
    "MARK",
    Buffer.alloc(900_000 * unit.length, Uint8Array.from(unit)),
    "APPENDS",
  ];
  const all = Array.from({ length: count }, () => batch).flat();
  return pickleBytes(["PROTO", 4], "EMPTY_LIST", ...all, "STOP");
}

/** One wide list under two hundred keys: a walk that looks at each key's value apart meets 48 million values. */
function sharedWideList(): readonly Piece[] {
  const keys = Array.from({ length: 200 }, (_unused, index): readonly Piece[] => [
    ["BINUNICODE", `k${index}`],
    ["BINGET", 0],
    "SETITEM",
  ]);
  const list: readonly Piece[] = [
    "EMPTY_LIST",
    "MARK",
    Buffer.alloc(240_000, byteOf.none),
    "APPENDS",
    ["BINPUT", 0],
    "POP",
  ];
  return [["PROTO", 2], ...list, "EMPTY_DICT", ...keys.flat(), "STOP"];
}

const byteOf = {
  none: 0x4e,
  list: 0x5d,
  dict: 0x7d,
  set: 0x8f,
  memoize: 0x94,
  persid: 0x51,
  mark: 0x28,
} as const;

/** Each level holds the one below many times over: the leaves outnumber the atoms, the bytes do not. */
function sharedLists(levels: number, copies: number): readonly Piece[] {
  const pieces: Piece[] = ["EMPTY_LIST", "NONE", "APPEND", ["BINPUT", 0], "POP"];
  for (let level = 1; level <= levels; level++) {
    const many = Buffer.alloc(2 * copies, Uint8Array.of(0x68, level - 1));
    pieces.push("EMPTY_LIST", "MARK", many, "APPENDS", ["BINPUT", level], "POP");
  }
  return [["PROTO", 2], ...pieces, ["BINGET", levels], "STOP"];
}

/** Dicts in dicts with keys of 4,000 characters, so that paths of keys grow without end. */
function sharedNames(): readonly Piece[] {
  const key = "k".repeat(4000);
  const pieces: Piece[] = ["NONE", ["BINPUT", 0], "POP"];
  for (let level = 1; level <= 18; level++) {
    pieces.push("EMPTY_DICT", "MARK", ["BINUNICODE", `${key}0`], ["BINGET", level - 1]);
    pieces.push(["BINUNICODE", `${key}1`], ["BINGET", level - 1], "SETITEMS");
    pieces.push(["BINPUT", level], "POP");
  }
  return [["PROTO", 2], ...pieces, ["BINGET", 18], "STOP"];
}

/** An empty storage as old tar files describe it. */
function emptyStorage(key: number): Uint8Array {
  return pickleBytes(
    "MARK",
    ["BININT", key],
    ["BINUNICODE", "cpu"],
    ["GLOBAL", "torch", "FloatStorage"],
    "TUPLE",
    "STOP",
    new Uint8Array(8),
  );
}

const CYCLE: readonly Piece[] = [
  ["PROTO", 2],
  "EMPTY_DICT",
  ["BINPUT", 0],
  ["BINUNICODE", "self"],
  ["BINGET", 0],
  "SETITEM",
  "STOP",
];

const PADDLE: readonly Case[] = [
  ["bomb-lists", "makes millions of empty lists", "WB5204", () => batches(5, byteOf.list)],
  ["bomb-dicts", "makes millions of empty dicts", "WB5204", () => batches(5, byteOf.dict)],
  ["bomb-sets", "makes millions of empty sets", "WB5204", () => batches(5, byteOf.set)],
  [
    "bomb-persistent",
    "makes millions of persistent ids",
    "WB5204",
    () => batches(2, byteOf.none, byteOf.persid),
  ],
  [
    "bomb-wide",
    "names one wide list hundreds of times",
    "WB5204",
    () => pickleBytes(...sharedWideList()),
  ],
  [
    "bomb-memo",
    "stores one value in millions of memo entries",
    "WB5204",
    () => pickleBytes(["PROTO", 4], "NONE", Buffer.alloc(4_000_000, byteOf.memoize), "STOP"),
  ],
  [
    "bomb-opcodes",
    "has opcodes without end",
    "WB5204",
    () => pickleBytes(["PROTO", 2], Buffer.alloc(6_000_000, Uint8Array.of(byteOf.none, 0x30))),
  ],
  [
    "bomb-stack",
    "fills the stack",
    "WB5204",
    () => pickleBytes(["PROTO", 2], Buffer.alloc(3_000_000, byteOf.none)),
  ],
  [
    "bomb-marks",
    "nests marks without end",
    "WB5204",
    () => pickleBytes(["PROTO", 2], Buffer.alloc(1_000_000, byteOf.mark)),
  ],
  [
    "bomb-deep",
    "nests a tuple in a tuple 500,000 times",
    "WB5204",
    () => pickleBytes(["PROTO", 2], "EMPTY_LIST", Buffer.alloc(500_000, 0x85), "STOP"),
  ],
  [
    "bomb-integer",
    "has an integer of a mebibyte",
    "WB5204",
    () => pickleBytes(["PROTO", 2], ["LONG4", Buffer.alloc(2 ** 20, 0x7f)], "STOP"),
  ],
  [
    "bomb-digits",
    "has an integer of half a million decimal digits",
    "WB5204",
    () => pickleBytes(["PROTO", 2], ["LONG", "9".repeat(500_000)], "STOP"),
  ],
  [
    "bomb-line",
    "names a global in a line of a mebibyte",
    "WB5204",
    () => pickleBytes(["PROTO", 2], ["GLOBAL", "m".repeat(2 ** 20), "f"], "STOP"),
  ],
  [
    "bomb-length",
    "has a text of 2^63 bytes",
    "WB3201",
    () => pickleBytes(["PROTO", 4], Uint8Array.of(0x8d, 0, 0, 0, 0, 0, 0, 0, 0x80), "STOP"),
  ],
  [
    "bomb-array",
    "has an array of 2^46 bytes in a file of 300",
    "WB3403",
    () => pickleBytes(...dictOf(arrayPieces("w", "f4", [2 ** 24, 2 ** 20], new Uint8Array(24)))),
  ],
];

const TORCH: readonly Case[] = [
  [
    "zip-bomb-shared-lists",
    "holds a list of shared lists: 10^40 leaves",
    "WB5204",
    () => archive(sharedLists(10, 10_000)),
  ],
  [
    "zip-bomb-names",
    "has 2^18 paths of keys, each of 72,000 characters",
    "WB5204",
    () => archive(sharedNames()),
  ],
  ["zip-bomb-cycle", "has a dict that holds itself", "WB5204", () => archive(CYCLE)],
  [
    "zip-bomb-wrappers",
    "wraps a parameter in a parameter 10,000 times",
    "WB3302",
    () => {
      const depth = 10_000;
      const open = Array.from({ length: depth }, (): readonly Piece[] => [
        ["GLOBAL", "torch._utils", "_rebuild_parameter"],
      ]).flat();
      const [key, ...call] = tensor();
      const close = Array.from({ length: depth }, (): readonly Piece[] => [
        "NEWFALSE",
        "NONE",
        "TUPLE3",
        "REDUCE",
      ]).flat();
      return archive(dictOf([...(key === undefined ? [] : [key]), ...open, ...call, ...close]));
    },
  ],
  [
    "zip-bomb-entries",
    "has 20,000 empty records",
    "WB3306",
    () =>
      archive(
        dictOf(),
        {},
        Array.from({ length: 20_000 }, (_unused, at) => ({
          name: `m/data/${at}`,
          data: new Uint8Array(0),
        })),
      ),
  ],
  [
    "zip-bomb-overlap",
    "lets a thousand records share one range of bytes",
    "WB3102",
    () => {
      const data = new Uint8Array(100_000);
      const first = { name: "m/0", data };
      const others = Array.from({ length: 1000 }, (_unused, at) => ({
        name: `m/${at + 1}`,
        data,
        isOnlyListed: true,
        directory: { localBegin: 0 },
      }));
      return zipBytes([first, ...others]);
    },
  ],
  [
    "zip-bomb-deflate",
    "has a pickle that claims to be two million times its record",
    "WB5102",
    () =>
      zipBytes([
        {
          name: "m/data.pkl",
          data: Buffer.alloc(1000, 0x78),
          directory: { method: 8, uncompressed: 2 ** 31 },
          local: { method: 8, uncompressed: 2 ** 31 },
        },
      ]),
  ],
  [
    "zip-bomb-tensor",
    "has a tensor of 2^50 elements in a storage of 24 bytes",
    "WB3303",
    () => archive(dictOf(tensor({ shape: [2 ** 25, 2 ** 25], strides: [2 ** 25, 1] }))),
  ],
  [
    "zip-bomb-expanded",
    "expands 12 bytes to 13 terabytes with a stride of 0",
    "WB5204",
    () => archive(dictOf(tensor({ shape: [2 ** 40, 3], strides: [0, 1] }))),
  ],
  [
    "tar-bomb",
    "describes 50,000 empty storages",
    "WB3306",
    () => {
      const count = 50_000;
      const storages = Buffer.concat([
        pickleBytes(["BININT", count], "STOP"),
        ...Array.from({ length: count }, (_unused, at) => emptyStorage(at)),
        pickleBytes("EMPTY_LIST", "STOP"),
      ]);
      return tarBytes([
        { name: "sys_info", data: pickleBytes("EMPTY_DICT", "STOP") },
        { name: "pickle", data: pickleBytes("EMPTY_DICT", "STOP") },
        { name: "tensors", data: pickleBytes(["BININT1", 0], "STOP") },
        { name: "storages", data: storages },
      ]);
    },
  ],
];

const many = (unit: string): string => `{"a":[${unit.repeat(1_500_000)}1]}`;

const SAFETENSORS: readonly Case[] = [
  [
    "bomb-objects",
    "has 1.5 million empty objects",
    "WB5501",
    () => safetensorsBytes(many("{},"), 0),
  ],
  [
    "bomb-numbers",
    "has a shape of 1.5 million sizes",
    "WB5501",
    () => safetensorsBytes(many("1,"), 0),
  ],
  [
    "bomb-deep",
    "nests arrays 100,000 deep",
    "WB3502",
    () => safetensorsBytes(`{"a":${"[".repeat(100_000)}`, 0),
  ],
  [
    "bomb-header",
    "says that its header has 2^52 bytes",
    "WB3501",
    () => safetensorsBytes("{}", 0, 2n ** 52n),
  ],
  [
    "bomb-shape",
    "has sizes whose product wraps around 2^64",
    "WB3505",
    () =>
      safetensorsBytes(
        '{"w":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,0]}}',
        0,
      ),
  ],
];

const INDEX: readonly Case[] = [
  [
    "index-bomb-shards",
    "names 200,000 shards",
    "WB5602",
    () => {
      const entries = Array.from({ length: 200_000 }, (_unused, at) => `"a${at}":"s${at}"`);
      const text = `{"weight_map":{${entries.join(",")}}}`;
      return new Map([["model.safetensors.index.json", Buffer.from(text)]]);
    },
  ],
  [
    "index-bomb-deep",
    "nests arrays 100,000 deep",
    "WB3601",
    () =>
      new Map([
        ["model.safetensors.index.json", Buffer.from(`{"weight_map":${"[".repeat(100_000)}`)],
      ]),
  ],
];

export const BOMBS: readonly HostileFile[] = [
  ...hostileFiles("bomb", "paddle", PADDLE),
  ...hostileFiles("bomb", "torch", TORCH),
  ...hostileFiles("bomb", "safetensors", SAFETENSORS),
  ...hostileFiles("bomb", "transformers", INDEX),
];
