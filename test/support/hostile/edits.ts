import fc from "fast-check";
import { arrayPieces, type Piece } from "../pickle-bytes.ts";
import type { ZipPart, ZipShape } from "../zip-bytes.ts";
import { archiveParts, counting, dictOf, tensor } from "./torch-files.ts";

/** An honest state dict of torch: two tensors on one storage, one on another, and a number. */
export const TORCH_PIECES: readonly Piece[] = dictOf(
  tensor(),
  tensor({ offset: 1, shape: [2], strides: [2] }, {}, "part"),
  tensor({ shape: [3], strides: [1] }, { type: "HalfStorage", key: "1", length: 12 }, "half"),
  [
    ["BINUNICODE", "step"],
    ["BININT1", 3],
  ],
);

export const TORCH_STORAGES: Readonly<Record<string, number>> = { "0": 24, "1": 24 };

/** An honest state dict of Paddle: arrays of both orders, and a number. */
export const PADDLE_PIECES: readonly Piece[] = dictOf(
  arrayPieces("w", "f4", [2, 3], counting(24)),
  arrayPieces("fortran", "f2", [3, 4], counting(24), true),
  [
    ["BINUNICODE", "step"],
    ["BININT1", 3],
  ],
);

/** Opcodes that change what stands on the stack or what was made before. */
const INSERTED: readonly Piece[] = [
  "BUILD",
  "SETITEM",
  "SETITEMS",
  "APPEND",
  "APPENDS",
  "REDUCE",
  "NEWOBJ",
  "BINPERSID",
  "POP",
  "POP_MARK",
  "DUP",
  "MARK",
  "NONE",
  "NEWTRUE",
  "EMPTY_DICT",
  "EMPTY_LIST",
  "EMPTY_TUPLE",
  "TUPLE1",
  "TUPLE2",
  "MEMOIZE",
  ["BININT1", 0],
  ["BININT1", 1],
  ["BINFLOAT", 1.5],
  ["BINUNICODE", "w"],
  ["BINUNICODE", "neg"],
  ["BINPUT", 0],
  ["BINPUT", 1],
  ["BINGET", 0],
  ["BINGET", 1],
  ["GLOBAL", "collections", "OrderedDict"],
  ["GLOBAL", "torch._utils", "_rebuild_parameter"],
  ["GLOBAL", "torch", "HalfStorage"],
  ["GLOBAL", "torch", "Size"],
];

interface Edit {
  readonly kind: "delete" | "double" | "swap" | "insert" | "copy" | "number";
  readonly at: number;
  readonly from: number;
  readonly length: number;
  readonly piece: Piece;
}

const edits: fc.Arbitrary<readonly Edit[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(
      ...(["delete", "double", "swap", "insert", "insert", "copy"] as const),
      // Most often: a pickle of other opcodes is seldom one that Python reads as well.
      ...(["number", "number", "number", "number"] as const),
    ),
    at: fc.nat(),
    from: fc.nat(),
    length: fc.integer({ min: 1, max: 8 }),
    piece: fc.constantFrom(...INSERTED),
  }),
  { minLength: 1, maxLength: 2 },
);

/** Streams of whole opcodes, one or two edits away from an honest one. */
export function editedPieces(honest: readonly Piece[]): fc.Arbitrary<readonly Piece[]> {
  return edits.map((list) => {
    const pieces = [...honest];
    for (const edit of list) applyEdit(pieces, edit);
    return pieces;
  });
}

function applyEdit(pieces: Piece[], { kind, at, from, length, piece }: Edit): void {
  const place = at % pieces.length;
  const other = from % pieces.length;
  switch (kind) {
    case "delete":
      pieces.splice(place, 1);
      break;
    case "double":
      pieces.splice(place, 0, ...pieces.slice(place, place + length));
      break;
    case "copy":
      pieces.splice(place, 0, ...pieces.slice(other, other + length));
      break;
    case "swap":
      [pieces[place], pieces[other]] = [pieces[other] ?? piece, pieces[place] ?? piece];
      break;
    case "insert":
      pieces.splice(place, 0, piece);
      break;
    case "number": {
      const numbers = pieces.flatMap((candidate, index) => (isNumber(candidate) ? [index] : []));
      const chosen = numbers[at % numbers.length] ?? place;
      pieces[chosen] = otherNumber(pieces[chosen] ?? piece, from);
      break;
    }
    default:
      kind satisfies never;
  }
}

function isNumber(piece: Piece): boolean {
  return Array.isArray(piece) && ["BININT1", "BININT", "LONG1"].includes(String(piece[0]));
}

/** The same opcode with a number near an edge. */
function otherNumber(piece: Piece, choice: number): Piece {
  if (!Array.isArray(piece)) return piece;
  const [name] = piece;
  const small = [0, 1, 2, 3, 4, 5, 6, 7, 12, 24, 127, 255][choice % 12] ?? 0;
  if (name === "BININT1") return [name, small];
  if (name === "BININT")
    return [name, [small, -1, -small, 2 ** 31 - 1, -(2 ** 31)][choice % 5] ?? 0];
  if (name !== "LONG1") return piece;
  return [
    name,
    [Uint8Array.of(small), Uint8Array.of(0xff), new Uint8Array(9).fill(0x7f)][choice % 3] ?? small,
  ];
}

const field = fc.option(
  fc.oneof(
    fc.integer({ min: 0, max: 600 }),
    fc.constantFrom(0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe),
  ),
  { nil: undefined, freq: 2 },
);

const claims = fc.record(
  {
    flags: fc.constantFrom(0, 1, 8, 0x800, 0x801, 0x808),
    method: fc.constantFrom(0, 8, 12, 99),
    compressed: field.map((value) => value ?? 24),
    uncompressed: field.map((value) => value ?? 24),
    localBegin: field.map((value) => value ?? 0),
    name: fc.constantFrom("m/data.pkl", "m/data/0", "m/DATA/0", "", "../x", "__proto__"),
  },
  { requiredKeys: [] },
);

const WHOLE: readonly ZipPart[] = archiveParts(TORCH_PIECES, TORCH_STORAGES);

/** Zips of torch with fields that contradict, entries that are only listed, and bytes around them. */
export const lyingZips: fc.Arbitrary<{
  readonly parts: readonly ZipPart[];
  readonly shape: ZipShape;
}> = fc.record({
  parts: fc
    .tuple(
      fc.oneof(
        fc.constant(WHOLE),
        fc.shuffledSubarray([...WHOLE], { minLength: WHOLE.length }),
        fc.shuffledSubarray([...WHOLE], { minLength: 1 }),
      ),
      fc.nat(),
      fc.option(claims, { nil: {}, freq: 2 }),
      fc.option(claims, { nil: {}, freq: 2 }),
      fc.boolean(),
    )
    .map(([parts, at, directory, local, isOnlyListed]) =>
      parts.map((part, index) =>
        index === at % parts.length
          ? { ...part, directory, local, isOnlyListed: isOnlyListed && at % 4 === 0 }
          : part,
      ),
    ),
  shape: fc
    .record(
      {
        entryCount: fc.constantFrom(0, 1, 2, 3, 4, 5, 0xffff),
        directoryBegin: fc.constantFrom(0, 4, 100, 0xffffffff),
        directoryBytes: fc.constantFrom(0, 46, 100, 0xffffffff),
        disk: fc.constantFrom(0, 1),
        before: fc.uint8Array({ maxLength: 4 }),
        after: fc.uint8Array({ maxLength: 4 }),
      },
      { requiredKeys: [] },
    )
    .chain((shape) => fc.constantFrom(shape, {}, {})),
});

const odd: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(0, 1, 8, -1, 2 ** 53, 1e300, 0.5, "8", "F32", null, true, {}, []),
  fc.array(fc.nat(9), { maxLength: 3 }),
);

/** Headers of safetensors as values, an entry or two away from honest ones. */
export const safetensorsHeaders: fc.Arbitrary<Readonly<Record<string, unknown>>> = fc
  .tuple(
    fc.constantFrom("F32", "F16", "U8", "BF16", "F4", "C64", "x"),
    fc.array(fc.nat(3), { maxLength: 3 }),
    fc.constantFrom("dtype", "shape", "data_offsets", "more"),
    fc.option(odd, { nil: undefined, freq: 2 }),
    fc.constantFrom("w", "__metadata__", "__proto__", "", "ä"),
  )
  .map(([dtype, shape, key, value, name]) => {
    const entry: Record<string, unknown> = { dtype, shape, data_offsets: [0, 24] };
    if (value !== undefined) entry[key] = value;
    return Object.fromEntries([
      [name, entry],
      ["z", { dtype: "U8", shape: [0], data_offsets: [24, 24] }],
    ]);
  });
