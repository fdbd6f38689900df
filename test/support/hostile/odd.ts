import { arrayPieces, pickleBytes, type Piece } from "../pickle-bytes.ts";
import { safetensorsBytes } from "../safetensors-file.ts";
import { zipBytes } from "../zip-bytes.ts";
import { sliceTable, SLICES } from "./broken-paddle.ts";
import { hostileFiles, type Case, type HostileFile } from "./hostile-file.ts";
import { torchTar } from "./tar-files.ts";
import {
  archive,
  archiveParts,
  counting,
  dictOf,
  legacyBytes,
  legacyStorage,
  legacyTensor,
  tensor,
} from "./torch-files.ts";

const ONE = dictOf(tensor());

/** A dict as Python 2 pickles an OrderedDict: called with a list of pairs. */
function python2(entries: readonly (readonly Piece[])[]): readonly Piece[] {
  return [
    ["PROTO", 2],
    ["GLOBAL", "collections", "OrderedDict"],
    "EMPTY_LIST",
    ...entries.flatMap((entry): readonly Piece[] => [
      "EMPTY_LIST",
      "MARK",
      ...entry,
      "APPENDS",
      "APPEND",
    ]),
    "TUPLE1",
    "REDUCE",
    "STOP",
  ];
}

const TORCH: readonly Case[] = [
  [
    "odd-comment",
    "has a comment behind its directory",
    1,
    () => {
      const bytes = Buffer.from(archive(ONE));
      bytes.writeUInt16LE(5, bytes.byteLength - 2);
      return Buffer.concat([bytes, Buffer.from("hello")]);
    },
  ],
  [
    "odd-deferred-sizes",
    "gives sizes in its directory alone",
    1,
    () =>
      zipBytes(
        archiveParts(ONE).map((part) => ({
          ...part,
          local: { flags: 0x808, compressed: 0, uncompressed: 0 },
        })),
      ),
  ],
  [
    "odd-order",
    "has its pickle behind its storages",
    1,
    () => zipBytes(archiveParts(ONE).toReversed()),
  ],
  [
    "odd-big-endian",
    "is big-endian",
    1,
    () => archive(ONE, { "0": 24 }, [{ name: "m/byteorder", data: Buffer.from("big") }]),
  ],
  [
    "odd-other-records",
    "has records of its own beside its storages",
    1,
    () => archive(ONE, { "0": 24 }, [{ name: "m/.data/serialization_id", data: counting(4) }]),
  ],
  [
    "odd-names",
    "has names of Object's own properties",
    3,
    () => archive(dictOf(tensor(), tensor({}, {}, "__proto__"), tensor({}, {}, "constructor"))),
  ],
  [
    "odd-expanded",
    "has an expanded dimension",
    1,
    () => archive(dictOf(tensor({ shape: [4, 3], strides: [0, 1] }))),
  ],
  [
    "odd-overlapping",
    "has rows that overlap",
    1,
    () => archive(dictOf(tensor({ shape: [5, 2], strides: [1, 1] }))),
  ],
  [
    "odd-empty",
    "has empty tensors and a scalar",
    3,
    () =>
      archive(
        dictOf(
          tensor({ shape: [0, 5], strides: [5, 1] }, {}, "a"),
          tensor({ shape: [], strides: [] }, {}, "b"),
          tensor({ shape: [3, 0], strides: [1, 1] }, {}, "c"),
        ),
      ),
  ],
  [
    "odd-ordered-dict",
    "has an OrderedDict as Python 2 pickled it",
    1,
    () => archive(python2([tensor()])),
  ],
  [
    "odd-protocol-4",
    "is of protocol 4, which weights_only does not read",
    1,
    () => archive([["PROTO", 4], "EMPTY_DICT", "MEMOIZE", ...ONE.slice(2)]),
  ],
  ["odd-legacy", "is of a torch before 1.6", 1, () => legacyBytes()],
  [
    "odd-legacy-bytes-behind",
    "is of a torch before 1.6 and has bytes behind its storages",
    1,
    () => Buffer.concat([legacyBytes(), counting(9)]),
  ],
  [
    "odd-legacy-two",
    "is of a torch before 1.6 with two storages",
    2,
    () =>
      legacyBytes({
        root: dictOf(legacyTensor(), legacyTensor({}, { key: "5" }, "v")),
        keys: ["EMPTY_LIST", "MARK", ["BINUNICODE", "0"], ["BINUNICODE", "5"], "APPENDS", "STOP"],
        storages: [legacyStorage(6n, 24), legacyStorage(6n, 24)],
      }),
  ],
  ["odd-tar", "is of a torch before 0.1.10", 1, () => torchTar()],
];

const PADDLE: readonly Case[] = [
  [
    "odd-fortran",
    "has an array in Fortran's order",
    1,
    () => pickleBytes(...dictOf(arrayPieces("w", "f4", [2, 3], counting(24), true))),
  ],
  [
    "odd-bfloat16",
    "has bfloat16 as uint16",
    1,
    () => pickleBytes(...dictOf(arrayPieces("w", "u2", [12], counting(24)))),
  ],
  [
    "odd-slices",
    "has a parameter in slices",
    1,
    () =>
      pickleBytes(...dictOf(...SLICES.toReversed(), sliceTable([2, 3], ["big@@.0", "big@@.1"]))),
  ],
  [
    "odd-ordered-dict",
    "has an OrderedDict as Python 2 pickled it",
    1,
    () => pickleBytes(...python2([arrayPieces("w", "f4", [2, 3], counting(24))])),
  ],
  [
    "odd-latin1",
    "has its bytes as text, as protocol 2 does",
    1,
    () =>
      pickleBytes(
        ...dictOf(
          arrayPieces("w", "u1", [256], counting(256)).flatMap((piece): readonly Piece[] =>
            Array.isArray(piece) && piece[0] === "BINBYTES"
              ? [
                  ["GLOBAL", "_codecs", "encode"],
                  ["BINUNICODE", String.fromCharCode(...counting(256))],
                  ["BINUNICODE", "latin1"],
                  "TUPLE2",
                  "REDUCE",
                ]
              : [piece],
          ),
        ),
      ),
  ],
  [
    "odd-names",
    "has names of Object's own properties",
    2,
    () =>
      pickleBytes(
        ...dictOf(
          arrayPieces("__proto__", "f4", [6], counting(24)),
          arrayPieces("constructor", "f4", [6], counting(24)),
        ),
      ),
  ],
];

const SAFETENSORS: readonly Case[] = [
  [
    "odd-spaces",
    "has white space before its header's brace",
    1,
    () => safetensorsBytes(' \n{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}\t', 8),
  ],
  [
    "odd-order",
    "has its entries in another order than its bytes",
    2,
    () =>
      safetensorsBytes(
        '{"b":{"dtype":"U8","shape":[3],"data_offsets":[1,4]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        4,
      ),
  ],
  [
    "odd-unaligned",
    "has a float at an odd byte",
    2,
    () =>
      safetensorsBytes(
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}}',
        9,
      ),
  ],
  [
    "odd-empty",
    "has an empty tensor and a scalar",
    2,
    () =>
      safetensorsBytes(
        '{"a":{"dtype":"F32","shape":[0,7],"data_offsets":[0,0]},"b":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}',
        4,
      ),
  ],
  ["odd-none", "has no tensors", 0, () => safetensorsBytes("{}", 0)],
  [
    "odd-metadata-null",
    "has null for its metadata",
    1,
    () =>
      safetensorsBytes(
        '{"__metadata__":null,"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
        8,
      ),
  ],
  [
    "odd-field",
    "has a field that nobody knows",
    1,
    () => safetensorsBytes('{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"note":[1]}}', 8),
  ],
  [
    "odd-names",
    "has names of Object's own properties",
    2,
    () =>
      safetensorsBytes(
        '{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"constructor":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
        8,
      ),
  ],
];

const INDEX: readonly Case[] = [
  [
    "odd-index-folder",
    "has a shard in a folder of its own",
    1,
    () =>
      new Map([
        [
          "model.safetensors.index.json",
          Buffer.from('{"metadata":{},"weight_map":{"w":"sub/a.safetensors"}}'),
        ],
        [
          "sub/a.safetensors",
          safetensorsBytes('{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', 8),
        ],
      ]),
  ],
];

export const ODD: readonly HostileFile[] = [
  ...hostileFiles("odd", "torch", TORCH),
  ...hostileFiles("odd", "paddle", PADDLE),
  ...hostileFiles("odd", "safetensors", SAFETENSORS),
  ...hostileFiles("odd", "transformers", INDEX),
];
