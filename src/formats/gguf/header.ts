import { WbError } from "../../errors/wb-error.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { shownName } from "../../tensor/shown-name.ts";
import { damaged, GgufCursor } from "./cursor.ts";

export const GGUF_MAGIC = Buffer.from("GGUF", "latin1");

/** Keys of the metadata at most: real files have some fifty. */
const MAX_KEYS = 65_536;
/** Tensors at most: the largest models have a few thousand. */
const MAX_TENSORS = 1_048_576;
/** Items of an array at most: the largest vocabularies have 300,000. */
const MAX_ITEMS = 16_777_216;
/** Dimensions of a tensor (ggml.h, `GGML_MAX_DIMS`). */
const MAX_DIMENSIONS = 4;
/** Where data begins when the metadata does not say (docs/gguf.md, `general.alignment`). */
const DEFAULT_ALIGNMENT = 32;

export const STRING = 8;
const ARRAY = 9;

/** Bytes and reading of the values of fixed width, by type (docs/gguf.md, `gguf_metadata_value_type`). */
export const SCALARS: ReadonlyMap<number, readonly [bytes: number, Scalar]> = new Map([
  [0, [1, (view) => view.getUint8(0)]],
  [1, [1, (view) => view.getInt8(0)]],
  [2, [2, (view, isLittle) => view.getUint16(0, isLittle)]],
  [3, [2, (view, isLittle) => view.getInt16(0, isLittle)]],
  [4, [4, (view, isLittle) => view.getUint32(0, isLittle)]],
  [5, [4, (view, isLittle) => view.getInt32(0, isLittle)]],
  [6, [4, (view, isLittle) => shortest(view.getFloat32(0, isLittle))]],
  [7, [1, (view) => view.getUint8(0) !== 0]],
  [10, [8, (view, isLittle) => view.getBigUint64(0, isLittle)]],
  [11, [8, (view, isLittle) => view.getBigInt64(0, isLittle)]],
  [12, [8, (view, isLittle) => view.getFloat64(0, isLittle)]],
]);

type Scalar = (view: DataView, isLittle: boolean) => number | bigint | boolean;

/** An array that was left where it is. */
export interface GgufArray {
  readonly itemType: number;
  readonly count: number;
  /** Byte of its first item. */
  readonly begin: number;
}

export type GgufValue = number | bigint | boolean | string | GgufArray;

/** A tensor as the header names it. */
export interface GgufEntry {
  readonly name: string;
  /** Row-major: ggml tells the fastest dimension first, this is the other way. */
  readonly shape: readonly number[];
  /** ggml's number of the type. */
  readonly type: number;
  /** From the beginning of the data. */
  readonly offset: bigint;
}

export interface GgufHeader {
  readonly version: number;
  readonly byteOrder: "little" | "big";
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly entries: readonly GgufEntry[];
  /** Byte of the file at which the data begins. */
  readonly dataBegin: number;
  readonly alignment: number;
}

/**
 * Reads the header of a GGUF file of version 2 or 3 in either byte order (ggml, docs/gguf.md): every count and length is checked
 * before anything is allocated for it, and arrays are stepped over.
 * @throws WbError WB3511 for damage, WB4511 for another version, WB5511 for a count beyond all bounds.
 */
export async function readGgufHeader(source: ByteSource): Promise<GgufHeader> {
  const { label } = source;
  const head = new GgufCursor(source, GGUF_MAGIC.byteLength, true);
  await head.need(4, "the version");
  const word = head.u32();
  // A version is small: where its low half is empty, the bytes are the other way.
  const isLittle = (word & 0xffff) !== 0;
  const cursor = new GgufCursor(source, GGUF_MAGIC.byteLength, isLittle);
  await cursor.need(4, "the version");
  const version = cursor.u32();
  if (version !== 2 && version !== 3)
    throw new WbError("WB4511", `${label}: GGUF of version ${version}, expected 2 or 3`, {
      details: { path: label, found: `version ${version}` },
    });
  const tensors = await cursor.count(MAX_TENSORS, "the number of tensors");
  const keys = await cursor.count(MAX_KEYS, "the number of keys");
  const metadata = new Map<string, GgufValue>();
  for (let index = 0; index < keys; index++) {
    const at = cursor.position;
    const key = await cursor.text("a key");
    if (metadata.has(key)) throw damaged(label, at, `the key ${shownName(key)} is there twice`);
    metadata.set(key, await readValue(cursor, label, `the value of ${shownName(key)}`));
  }
  const entries: GgufEntry[] = [];
  const names = new Set<string>();
  for (let index = 0; index < tensors; index++) {
    const at = cursor.position;
    const entry = await readEntry(cursor, label);
    if (names.has(entry.name))
      throw damaged(label, at, `the tensor ${shownName(entry.name)} is there twice`);
    names.add(entry.name);
    entries.push(entry);
  }
  const alignment = alignmentOf(metadata.get("general.alignment"), label);
  return {
    version,
    byteOrder: isLittle ? "little" : "big",
    metadata,
    entries,
    dataBegin: Math.ceil(cursor.position / alignment) * alignment,
    alignment,
  };
}

function alignmentOf(value: GgufValue | undefined, path: string): number {
  if (value === undefined) return DEFAULT_ALIGNMENT;
  const isPower = typeof value === "number" && value > 0 && Math.log2(value) % 1 === 0;
  if (isPower && value <= 2 ** 30) return value;
  throw damaged(path, 0, `general.alignment is ${shownValue(value)}, expected a power of 2`);
}

/** What a message shows of a value. */
export function shownValue(value: GgufValue): string {
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "object" ? `an array of ${value.count}` : String(value);
}

async function readValue(cursor: GgufCursor, path: string, what: string): Promise<GgufValue> {
  await cursor.need(4, `the type of ${what}`);
  const at = cursor.position;
  const type = cursor.u32();
  if (type === STRING) return cursor.text(what);
  if (type === ARRAY) return readArray(cursor, path, what);
  const scalar = SCALARS.get(type);
  if (scalar === undefined) throw damaged(path, at, `${what} has the type ${type}, which is none`);
  const [bytes, read] = scalar;
  await cursor.need(bytes, what);
  return read(cursor.view(bytes), cursor.isLittle);
}

async function readArray(cursor: GgufCursor, path: string, what: string): Promise<GgufArray> {
  await cursor.need(4, what);
  const at = cursor.position;
  const itemType = cursor.u32();
  const count = await cursor.count(MAX_ITEMS, `the number of items in ${what}`);
  const begin = cursor.position;
  const width = SCALARS.get(itemType)?.[0];
  if (width !== undefined) cursor.skip(width * count, what);
  else if (itemType === STRING) {
    for (let item = 0; item < count; item++)
      cursor.skip(await cursor.count(Number.MAX_SAFE_INTEGER, `a length in ${what}`), what);
  } else throw damaged(path, at, `${what} is an array of type ${itemType}`);
  return { itemType, count, begin };
}

async function readEntry(cursor: GgufCursor, path: string): Promise<GgufEntry> {
  const name = await cursor.text("a tensor's name");
  await cursor.need(4, `the dimensions of ${shownName(name)}`);
  const at = cursor.position;
  const rank = cursor.u32();
  if (rank > MAX_DIMENSIONS)
    throw damaged(
      path,
      at,
      `${shownName(name)} has ${rank} dimensions, expected at most ${MAX_DIMENSIONS}`,
    );
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++)
    shape.unshift(await cursor.count(Number.MAX_SAFE_INTEGER, `a dimension of ${shownName(name)}`));
  await cursor.need(12, `the type of ${shownName(name)}`);
  return { name, shape, type: cursor.u32(), offset: cursor.u64() };
}

/** The shortest decimal number that is this float32: 1e-6, not 9.999999974752427e-7. */
function shortest(value: number): number {
  for (let digits = 1; digits <= 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return rounded;
  }
  return value;
}
