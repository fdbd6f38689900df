import { pickleBytes, type Piece } from "../pickle-bytes.ts";
import { zipBytes } from "../zip-bytes.ts";
import { hostileFiles, type Case, type HostileFile } from "./hostile-file.ts";
import { tarBytes, torchTar } from "./tar-files.ts";
import { archive, counting, dictOf, legacyBytes, legacyStorage, tensor } from "./torch-files.ts";

const ONE = dictOf(tensor());
const RECORD = { name: "m/data/0", data: counting(24) };

/** An honest tensor, then opcodes that change it. */
function changed(...pieces: readonly Piece[]): readonly Piece[] {
  return dictOf([...tensor(), ...pieces]);
}

/** An honest tensor's call with other last arguments: requires_grad and hooks, then these. */
function withMetadata(...metadata: readonly Piece[]): readonly Piece[] {
  const pieces = tensor();
  return dictOf([...pieces.slice(0, -2), ...metadata, "TUPLE", "REDUCE"]);
}

const NEGATIVE: readonly Piece[] = [["BINUNICODE", "neg"], "NEWTRUE", "SETITEM"];
const ORDERED_DICT: readonly Piece[] = [
  ["GLOBAL", "collections", "OrderedDict"],
  "EMPTY_TUPLE",
  "REDUCE",
];

const ZIPS: readonly Case[] = [
  ["zip-truncated", "lost its last 100 bytes", "WB3101", () => archive(ONE).subarray(0, -100)],
  [
    "zip-bytes-behind",
    "has bytes behind its end",
    "WB3101",
    () => archive(ONE, { "0": 24 }, [], { after: Buffer.from("\n") }),
  ],
  [
    "zip-bytes-before",
    "has its entries behind other bytes that look like one",
    "WB3101",
    () =>
      archive(ONE, { "0": 24 }, [], {
        before: Buffer.from("PK\u0003\u0004--"),
        directoryBegin: 40,
      }),
  ],
  [
    "zip-count-high",
    "counts one entry too many",
    "WB3101",
    () => archive(ONE, { "0": 24 }, [], { entryCount: 4 }),
  ],
  [
    "zip-count-low",
    "counts one entry too few",
    "WB3101",
    () => archive(ONE, { "0": 24 }, [], { entryCount: 2 }),
  ],
  [
    "zip-directory-elsewhere",
    "has its directory elsewhere",
    "WB3101",
    () => archive(ONE, { "0": 24 }, [], { directoryBegin: 3 }),
  ],
  [
    "zip-directory-outside",
    "has its directory outside of the file",
    "WB3101",
    () => archive(ONE, { "0": 24 }, [], { directoryBegin: 0xfffffff0 }),
  ],
  [
    "zip-volumes",
    "is one of several volumes",
    "WB4101",
    () => archive(ONE, { "0": 24 }, [], { disk: 1 }),
  ],
  [
    "zip-two-sizes",
    "has a stored entry with two sizes",
    "WB3101",
    () => archive(ONE, {}, [{ ...RECORD, directory: { uncompressed: 500 } }]),
  ],
  [
    "zip-size-64-missing",
    "has a 64-bit size without its field",
    "WB3101",
    () =>
      archive(ONE, {}, [
        { ...RECORD, directory: { compressed: 0xffffffff, uncompressed: 0xffffffff } },
      ]),
  ],
  [
    "zip-entry-past-end",
    "has an entry that reaches into the directory",
    "WB3102",
    () => archive(ONE, {}, [{ ...RECORD, directory: { compressed: 60, uncompressed: 60 } }]),
  ],
  [
    "zip-entry-outside",
    "has an entry outside of the file",
    "WB3102",
    () => archive(ONE, {}, [{ ...RECORD, directory: { localBegin: 99999 } }]),
  ],
  [
    "zip-entry-shifted",
    "leads to the middle of an entry",
    "WB3102",
    () => archive(ONE, {}, [{ ...RECORD, directory: { localBegin: 1 } }]),
  ],
  [
    "zip-encrypted",
    "is encrypted",
    "WB4101",
    () => archive(ONE, {}, [{ ...RECORD, directory: { flags: 0x801 }, local: { flags: 0x801 } }]),
  ],
  [
    "zip-no-pickle",
    "holds no data.pkl",
    "WB3301",
    () => zipBytes([{ name: "word/document.xml", data: counting(3) }]),
  ],
  [
    "zip-byte-order",
    "has a byte order of its own",
    "WB3301",
    () => archive(ONE, { "0": 24 }, [{ name: "m/byteorder", data: Buffer.from("middle") }]),
  ],
];

const TENSORS: readonly Case[] = [
  [
    "tensor-past-storage",
    "reaches one element past its storage",
    "WB3303",
    () => archive(dictOf(tensor({ offset: 1 }))),
  ],
  [
    "tensor-far-past-storage",
    "begins far behind its storage's end",
    "WB3303",
    () => archive(dictOf(tensor({ offset: 4096 }))),
  ],
  [
    "tensor-strides-past",
    "has strides that lead out of its storage",
    "WB3303",
    () => archive(dictOf(tensor({ strides: [4, 1] }))),
  ],
  [
    "tensor-strides-overflow",
    "has strides whose reach passes 2^63",
    "WB3303",
    () => archive(dictOf(tensor({ strides: [2 ** 52, 2 ** 52] }))),
  ],
  [
    "tensor-sizes-overflow",
    "has sizes beyond 2^53 bytes in all",
    "WB3303",
    () => archive(dictOf(tensor({ shape: [2 ** 31, 2 ** 31], strides: [0, 0] }))),
  ],
  [
    "tensor-negative-stride",
    "has a negative stride",
    "WB3302",
    () => archive(dictOf(tensor({ strides: [-3, 1] }))),
  ],
  [
    "tensor-negative-size",
    "has a negative size",
    "WB3302",
    () => archive(dictOf(tensor({ shape: [-2, 3] }))),
  ],
  [
    "tensor-negative-offset",
    "has a negative offset",
    "WB3302",
    () => archive(dictOf(tensor({ offset: -1 }))),
  ],
  [
    "tensor-fewer-strides",
    "has fewer strides than sizes",
    "WB3302",
    () => archive(dictOf(tensor({ strides: [1] }))),
  ],
  [
    "tensor-changed",
    "is given other bytes by BUILD",
    "WB3302",
    () => archive(changed("EMPTY_TUPLE", "BUILD")),
  ],
  [
    "tensor-assigned",
    "is assigned to by SETITEM",
    "WB3302",
    () => archive(changed(["BININT1", 0], ["BINFLOAT", 5], "SETITEM")),
  ],
  [
    "tensor-negative-view",
    "is a lazy negative",
    "WB4301",
    () => archive(withMetadata("EMPTY_DICT", ...NEGATIVE)),
  ],
  [
    "tensor-negative-view-ordered",
    "is a lazy negative by an OrderedDict",
    "WB4301",
    () => archive(withMetadata(...ORDERED_DICT, ...NEGATIVE)),
  ],
  [
    "tensor-metadata",
    "has metadata that is no dict",
    "WB3302",
    () => archive(withMetadata(["BININT1", 1])),
  ],
  ["storage-missing", "has no storage", "WB3304", () => archive(ONE, {})],
  [
    "storage-outside",
    "has a storage outside of its folder",
    "WB3304",
    () => archive(dictOf(tensor({}, { key: "../data.pkl" }))),
  ],
  [
    "storage-short",
    "has a storage that is shorter than declared",
    "WB3304",
    () => archive(ONE, { "0": 20 }),
  ],
  [
    "storage-long",
    "has a storage that is longer than declared",
    "WB3304",
    () => archive(ONE, { "0": 28 }),
  ],
  [
    "storage-two-dtypes",
    "names one storage with two dtypes",
    "WB3304",
    () =>
      archive(
        dictOf(
          tensor(),
          tensor({ shape: [12], strides: [1] }, { type: "HalfStorage", length: 12 }, "v"),
        ),
      ),
  ],
  [
    "storage-quantized",
    "has a quantized storage",
    "WB4303",
    () => archive(dictOf(tensor({}, { type: "QInt8Storage" }))),
  ],
  [
    "same-name-twice",
    "has one name twice",
    "WB3305",
    () => archive(dictOf(tensor(), tensor({ offset: 0, shape: [6], strides: [1] }))),
  ],
  [
    "key-no-name",
    "has a key that is no name",
    "WB3301",
    () => archive(dictOf(["EMPTY_TUPLE", ...tensor().slice(1)])),
  ],
  ["no-tensors", "holds no tensors", "WB3306", () => archive(dictOf())],
  ["pickle-truncated", "has a pickle without its end", "WB3201", () => archive(ONE.slice(0, -1))],
  [
    "pickle-opcode",
    "has a byte that is no opcode",
    "WB3202",
    () => archive([["PROTO", 2], Uint8Array.of(0xff)]),
  ],
  [
    "pickle-stack",
    "leaves values behind",
    "WB3203",
    () => archive([["PROTO", 2], "NONE", "NONE", "STOP"]),
  ],
  [
    "pickle-memo",
    "fetches from an empty memo",
    "WB3205",
    () => archive([["PROTO", 2], ["BINGET", 3], "STOP"]),
  ],
  ["pickle-number", "has a number that is none", "WB3206", () => archive([["INT", "1x"], "STOP"])],
  [
    "pickle-protocol",
    "needs a protocol of tomorrow",
    "WB4201",
    () => archive([["PROTO", 200], "NONE", "STOP"]),
  ],
];

const OLD: readonly Case[] = [
  [
    "legacy-truncated",
    "lost the last byte of its storage",
    "WB3304",
    () => legacyBytes().subarray(0, -1),
  ],
  [
    "legacy-count",
    "has another number of elements before its storage",
    "WB3304",
    () => legacyBytes({ storages: [legacyStorage(5n, 24)] }),
  ],
  [
    "legacy-count-negative",
    "has a negative number of elements",
    "WB3304",
    () => legacyBytes({ storages: [legacyStorage(-1n, 24)] }),
  ],
  [
    "legacy-no-key",
    "leaves a storage out of its list",
    "WB3304",
    () => legacyBytes({ keys: ["EMPTY_LIST", "STOP"], storages: [] }),
  ],
  [
    "legacy-key-unknown",
    "lists a storage that no tensor has",
    "WB3304",
    () => legacyBytes({ keys: ["EMPTY_LIST", ["BINUNICODE", "1"], "APPEND", "STOP"] }),
  ],
  [
    "legacy-keys-none",
    "has no list of keys",
    "WB3301",
    () => legacyBytes({ keys: ["NONE", "STOP"] }),
  ],
  [
    "legacy-two-dtypes",
    "names one storage with two dtypes",
    "WB3304",
    () =>
      legacyBytes({
        root: dictOf(
          tensor(),
          tensor({ shape: [12], strides: [1] }, { type: "HalfStorage", length: 12 }, "v"),
        ),
      }),
  ],
  ["tar-truncated", "lost half of its bytes", "WB3103", () => torchTar().subarray(0, 3600)],
  [
    "tar-checksum",
    "has a second header with a wrong checksum",
    "WB3103",
    () =>
      tarBytes([
        { name: "sys_info", data: counting(3) },
        { name: "pickle", data: counting(3), checksumError: 1 },
      ]),
  ],
  [
    "tar-size",
    "has an entry that reaches past the end of the file",
    "WB3103",
    () => tarBytes([{ name: "pickle", data: counting(3), size: "77777777777" }]),
  ],
  [
    "tar-same-name",
    "has two entries of one name",
    "WB5101",
    () =>
      tarBytes([
        { name: "pickle", data: pickleBytes("NONE", "STOP") },
        { name: "pickle", data: pickleBytes("NONE", "STOP") },
      ]),
  ],
  ["tar-no-tensors", "lacks the entry tensors", "WB3301", () => torchTar({ leaveOut: "tensors" })],
  [
    "tar-elements",
    "has a storage of 2^62 elements",
    "WB3304",
    () => torchTar({ storageElements: 2n ** 62n }),
  ],
  [
    "tar-elements-negative",
    "has a storage of a negative number of elements",
    "WB3304",
    () => torchTar({ storageElements: -1n }),
  ],
  [
    "tar-dimensions",
    "has a tensor of 2^31 − 1 dimensions",
    "WB3302",
    () => torchTar({ dimensions: 2 ** 31 - 1 }),
  ],
  [
    "tar-sizes",
    "has a tensor that reaches past its storage",
    "WB3303",
    () => torchTar({ sizes: [2n, 3n, 3n, 1n, 1n] }),
  ],
  [
    "tar-sizes-negative",
    "has a tensor with a negative size",
    "WB3302",
    () => torchTar({ sizes: [-2n, 3n, 3n, 1n, 0n] }),
  ],
  [
    "tar-view",
    "has a part of a storage that is not there",
    "WB3302",
    () => torchTar({ views: ["EMPTY_LIST", "NONE", "APPEND", "STOP"] }),
  ],
];

export const BROKEN_TORCH: readonly HostileFile[] = hostileFiles("broken", "torch", [
  ...ZIPS,
  ...TENSORS,
  ...OLD,
]);
