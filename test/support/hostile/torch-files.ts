import { LEGACY_MAGIC } from "../../../src/formats/pytorch/legacy.ts";
import { pickleBytes, tensorPieces, type Piece } from "../pickle-bytes.ts";
import { zipBytes, type ZipPart, type ZipShape } from "../zip-bytes.ts";

const STORAGE = { type: "FloatStorage", key: "0", length: 6 };
const VIEW = { offset: 0, shape: [2, 3], strides: [3, 1] };

/** A dict of tensors as torch.save pickles it. */
export function dictOf(...entries: readonly (readonly Piece[])[]): readonly Piece[] {
  return [["PROTO", 2], "EMPTY_DICT", "MARK", ...entries.flat(), "SETITEMS", "STOP"];
}

/** One tensor of six floats under a key, with changes to its view and its storage. */
export function tensor(
  view: Partial<typeof VIEW> = {},
  storage: Partial<typeof STORAGE> = {},
  name = "w",
): readonly Piece[] {
  return tensorPieces(name, { ...STORAGE, ...storage }, { ...VIEW, ...view });
}

/** Bytes 0, 1, 2, … */
export function counting(byteLength: number): Uint8Array {
  return Uint8Array.from({ length: byteLength }, (_unused, at) => at);
}

/** A zip as torch.save writes it: the pickle, and storages by key with their number of bytes. */
export function archive(
  pieces: readonly Piece[],
  storages: Readonly<Record<string, number>> = { "0": 24 },
  more: readonly ZipPart[] = [],
  shape: ZipShape = {},
): Uint8Array {
  return zipBytes(archiveParts(pieces, storages, more), shape);
}

export function archiveParts(
  pieces: readonly Piece[],
  storages: Readonly<Record<string, number>> = { "0": 24 },
  more: readonly ZipPart[] = [],
): readonly ZipPart[] {
  return [
    { name: "m/data.pkl", data: pickleBytes(...pieces) },
    { name: "m/version", data: Buffer.from("3\n") },
    ...Object.entries(storages).map(([key, bytes]) => ({
      name: `m/data/${key}`,
      data: counting(bytes),
    })),
    ...more,
  ];
}

/** As `tensor`, with the sixth part that a storage's description had then: of which other storage it is a view. */
export function legacyTensor(...args: Parameters<typeof tensor>): readonly Piece[] {
  return tensor(...args).flatMap((piece, index, all): readonly Piece[] =>
    all[index + 1] === "BINPERSID" ? ["NONE", piece] : [piece],
  );
}

interface LegacyParts {
  readonly magic?: Uint8Array;
  readonly system?: readonly Piece[];
  readonly root?: readonly Piece[];
  readonly keys?: readonly Piece[];
  readonly storages?: readonly Uint8Array[];
}

/** A file of torch before 1.6: five pickles, then the storages. */
export function legacyBytes(parts: LegacyParts = {}): Uint8Array {
  const system: readonly Piece[] = [
    "EMPTY_DICT",
    ["BINUNICODE", "little_endian"],
    "NEWTRUE",
    "SETITEM",
    "STOP",
  ];
  const keys: readonly Piece[] = ["EMPTY_LIST", ["BINUNICODE", "0"], "APPEND", "STOP"];
  return Buffer.concat([
    parts.magic ?? LEGACY_MAGIC,
    pickleBytes(["PROTO", 2], ["BININT2", 1001], "STOP"),
    pickleBytes(["PROTO", 2], ...(parts.system ?? system)),
    pickleBytes(...(parts.root ?? dictOf(legacyTensor()))),
    pickleBytes(["PROTO", 2], ...(parts.keys ?? keys)),
    ...(parts.storages ?? [legacyStorage(6n, 24)]),
  ]);
}

/** A number of elements, and bytes behind it. */
export function legacyStorage(elements: bigint, byteLength: number): Uint8Array {
  const count = Buffer.alloc(8);
  count.writeBigInt64LE(elements);
  return Buffer.concat([count, counting(byteLength)]);
}
