import { WbError } from "../../errors/wb-error.ts";
import type { FileSource } from "../../sources/file.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { bytesPerElement, DTYPES, isDtype, type Dtype } from "../../tensor/dtype.ts";
import { rowMajorStrides } from "../../tensor/shape.ts";
import { shownName } from "../../tensor/shown-name.ts";
import type { Checkpoint, StoredTensor } from "../../tensor/table.ts";
import { BLOCK_TYPES, UNREAD_TYPES, type BlockType } from "./block-types.ts";
import { dequantizedSource } from "./dequantized.ts";
import { readGgufHeader, type GgufEntry, type GgufHeader } from "./header.ts";

/** ggml's numbers of the types whose elements stand alone. */
const PLAIN_TYPES: ReadonlyMap<number, Dtype> = new Map(
  Object.keys(DTYPES).flatMap((name) => {
    const code = isDtype(name) ? DTYPES[name].gguf : null;
    return isDtype(name) && code !== null ? [[code, name] as const] : [];
  }),
);

/**
 * Opens a GGUF file. Quantised tensors are given as the float32 numbers that gguf-py's `dequantize` makes of them; nothing is
 * decoded until it is read. Texts, numbers and flags of the metadata are given as text.
 * @throws WbError WB3511 for damage, WB3512 for tensors that do not fill the data, WB4511 for a version or a type that is not
 * read, WB5511.
 */
export async function openGguf(source: FileSource): Promise<Checkpoint> {
  const header = await readGgufHeader(source);
  const tensors = placed(header, source).map((entry) => storedTensor(entry, header, source));
  const metadata = new Map<string, string>();
  for (const [key, value] of header.metadata)
    if (typeof value !== "object") metadata.set(key, String(value));
  const note = quantisedNote(header, source.label);
  return {
    format: "gguf",
    path: source.label,
    files: [source.label],
    tensors,
    skipped: [],
    metadata,
    ...(note === undefined ? {} : { notes: [note] }),
    close: () => source.close(),
  };
}

interface Placed extends GgufEntry {
  readonly kind: { readonly dtype: Dtype } | BlockType;
  readonly elements: number;
  readonly begin: number;
}

/** Each tensor with its place. They follow one another in the header's order, each aligned, and reach to the end at most. */
function placed(header: GgufHeader, { label, byteLength }: ByteSource): readonly Placed[] {
  let next = 0;
  return header.entries.map((entry) => {
    const kind = kindOf(entry, label);
    const elements = entry.shape.reduce((product, size) => product * size, 1);
    const row = entry.shape.at(-1) ?? 1;
    const bytes = bytesOf(kind, elements);
    if ("elements" in kind && row % kind.elements !== 0)
      throw misplaced(
        label,
        entry.name,
        `rows of ${row} elements, which blocks of ${kind.elements} do not divide`,
      );
    if (entry.offset !== BigInt(next))
      throw misplaced(label, entry.name, `offset ${entry.offset}, expected ${next}`);
    const begin = header.dataBegin + next;
    if (!Number.isSafeInteger(elements) || begin + bytes > byteLength)
      throw misplaced(
        label,
        entry.name,
        `${bytes} bytes from byte ${begin}, but the file has ${byteLength}`,
      );
    next = Math.ceil((next + bytes) / header.alignment) * header.alignment;
    return { ...entry, kind, elements, begin };
  });
}

function bytesOf(kind: Placed["kind"], elements: number): number {
  if ("elements" in kind) return (elements / kind.elements) * kind.bytes;
  return elements * (bytesPerElement(kind.dtype) ?? Number.NaN);
}

function kindOf({ name, type }: GgufEntry, path: string): Placed["kind"] {
  const dtype = PLAIN_TYPES.get(type);
  if (dtype !== undefined) return { dtype };
  const block = BLOCK_TYPES.get(type);
  if (block !== undefined) return block;
  const found = UNREAD_TYPES.get(type) ?? `type ${type}`;
  throw new WbError(
    "WB4511",
    `${path}: ${shownName(name)} is quantised as ${found}, which weighbridge does not read`,
    { details: { path, tensor: name, found } },
  );
}

function misplaced(path: string, tensor: string, problem: string): WbError {
  return new WbError("WB3512", `${path}: ${shownName(tensor)}: ${problem}`, {
    details: { path, tensor },
  });
}

function storedTensor(entry: Placed, header: GgufHeader, source: ByteSource): StoredTensor {
  const { name, shape, kind, elements, begin } = entry;
  const common = { name, shape, strides: rowMajorStrides(shape), storage: name };
  if (!("elements" in kind))
    return { ...common, dtype: kind.dtype, source, byteOffset: begin, byteOrder: header.byteOrder };
  if (header.byteOrder === "big")
    throw new WbError(
      "WB4511",
      `${source.label}: ${shownName(name)} is ${kind.name} in big-endian order, which weighbridge does not read`,
      { details: { path: source.label, tensor: name, found: `big-endian ${kind.name}` } },
    );
  const decoded = dequantizedSource(source, begin, elements / kind.elements, kind);
  return {
    ...common,
    dtype: "F32",
    quantised: {
      type: kind.name,
      shape,
      byteLength: bytesOf(kind, elements),
      file: source,
      begin,
    },
    source: decoded,
    byteOffset: 0,
    byteOrder: "little",
  };
}

/** One sentence on the quantised tensors, by type; undefined where there are none. */
function quantisedNote({ entries }: GgufHeader, path: string): string | undefined {
  const counts = new Map<string, number>();
  for (const { type } of entries) {
    const name = BLOCK_TYPES.get(type)?.name;
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  if (counts.size === 0) return undefined;
  const list = [...counts].map(([name, count]) => `${count} ${name}`).join(", ");
  return `${path}: quantised tensors stand for float32 numbers: ${list}`;
}
