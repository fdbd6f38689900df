import type { Piece } from "../pickle-bytes.ts";
import { hostileFiles, type Case, type HostileFile } from "./hostile-file.ts";
import { archive, dictOf, tensor } from "./torch-files.ts";

const ONE = dictOf(tensor());

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

/** A parameter whose Python attributes replace its values when they are set. */
function withAttribute(name: string): readonly Piece[] {
  const [key, ...call] = tensor();
  const state: readonly Piece[] = ["EMPTY_DICT", ["BINUNICODE", name], ...call, "SETITEM"];
  return dictOf([
    ...(key === undefined ? [] : [key]),
    ["GLOBAL", "torch._utils", "_rebuild_parameter_with_state"],
    "MARK",
    ...call,
    "NEWFALSE",
    ...ORDERED_DICT,
    ...state,
    "TUPLE",
    "REDUCE",
  ]);
}

const TENSORS: readonly Case[] = [
  [
    "tensor-attribute",
    "is given other values by its attribute data",
    "WB3302",
    () => archive(withAttribute("data")),
  ],
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
    1,
    () => archive(withMetadata("EMPTY_DICT", ...NEGATIVE)),
  ],
  [
    "tensor-negative-view-ordered",
    "is a lazy negative by an OrderedDict",
    1,
    () => archive(withMetadata(...ORDERED_DICT, ...NEGATIVE)),
  ],
  [
    "tensor-metadata-more",
    "has metadata that nobody knows",
    "WB4301",
    () => archive(withMetadata("EMPTY_DICT", ["BINUNICODE", "more"], "NEWTRUE", "SETITEM")),
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
    "two-states",
    "has two states that could both be the model",
    "WB3310",
    () =>
      archive(
        dictOf(
          [["BINUNICODE", "state_dict"], ...dictOf(tensor()).slice(1, -1)],
          [["BINUNICODE", "model"], ...dictOf(tensor()).slice(1, -1)],
        ),
      ),
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

export const BROKEN_TENSORS: readonly HostileFile[] = hostileFiles("broken", "torch", TENSORS);
