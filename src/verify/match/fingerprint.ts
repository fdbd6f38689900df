import { createHash } from "node:crypto";
import { assemblyOf, wholeView } from "../../mapping/assembly.ts";
import { streamAssembly } from "../../mapping/read-assembly.ts";
import { DTYPES, type Dtype } from "../../tensor/dtype.ts";
import {
  bf16ToF32Bits,
  f16ToF32Bits,
  f32BitsToBf16,
  f32BitsToF16,
} from "../../tensor/float-bits.ts";
import type { StoredTensor } from "../../tensor/table.ts";

/** What tells a tensor's values, and those of its rows and columns, without keeping them: hashes of 53 bits as numbers. */
export interface Fingerprint {
  readonly tensor: StoredTensor;
  /** Of all values in order, whatever the shape; of vectors, and of matrices and more where they can be entries of a stack on the other side. */
  readonly whole: number | undefined;
  /** Of each entry of the first axis; of each value of a vector. */
  readonly rows: Float64Array;
  /** Of a matrix alone. */
  readonly columns: Float64Array | undefined;
  readonly rowsDigest: string;
  readonly columnsDigest: string | undefined;
  /** Of all values in whatever order, of tensors of three axes and more, whose axes may stand in another order on the other side. */
  readonly unordered: string | undefined;
}

const CHUNK_BYTES = 2 ** 20;

/** Two hashes of 32 bits side by side, of one value after another; plain arrays, since every value passes here. */
interface Hashes {
  readonly first: Int32Array;
  readonly second: Int32Array;
}

function hashes(count: number): Hashes {
  return { first: new Int32Array(count), second: new Int32Array(count) };
}

function firstOf(hash: number, value: number): number {
  return (Math.imul(hash ^ value, 0x01000193) + 0x9e3779b9) | 0;
}

function secondOf(hash: number, value: number): number {
  return Math.imul((hash + value) | 0, 0x85ebca6b) ^ (value >>> 13);
}

/** Adds the values of one row from `column` on: to the row's own hash and to those of their columns. */
function addRow(
  values: ArrayLike<number>,
  [begin, end]: readonly [number, number],
  rows: Hashes,
  row: number,
  columns: Hashes | undefined,
  column: number,
): void {
  let [first, second] = [rows.first[row] ?? 0, rows.second[row] ?? 0];
  for (let at = begin; at < end; at++) {
    const value = (values[at] ?? 0) | 0;
    first = firstOf(first, value);
    second = secondOf(second, value);
  }
  rows.first[row] = first;
  rows.second[row] = second;
  if (columns === undefined) return;
  const { first: ones, second: others } = columns;
  for (let at = begin, to = column; at < end; at++, to++) {
    const value = (values[at] ?? 0) | 0;
    ones[to] = firstOf(ones[to] ?? 0, value);
    others[to] = secondOf(others[to] ?? 0, value);
  }
}

function numbersOf({ first, second }: Hashes): Float64Array {
  return Float64Array.from(first, (one, at) => (one >>> 0) * 2 ** 21 + ((second[at] ?? 0) >>> 11));
}

/** How tensors are told. */
export interface TellOptions {
  /** The narrower dtype of the other side, to which wider floats are rounded before they are told. */
  readonly rounded?: Dtype | undefined;
  /** Whether the other side has stacks, of which a tensor can be an entry. */
  readonly isStacked?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export async function fingerprint(
  tensor: StoredTensor,
  { rounded, isStacked = true, signal }: TellOptions = {},
): Promise<Fingerprint> {
  const assembly = assemblyOf(wholeView(tensor));
  const { shape } = tensor;
  const count = shape.reduce((product, size) => product * size, 1);
  const rowCount = shape[0] ?? 1;
  // Values of 64 bits are told as two words.
  const words = Math.max(1, DTYPES[tensor.dtype].bits / 32);
  const width = rowCount === 0 ? 0 : (count / rowCount) * words;
  const isMatrix = shape.length === 2 && words === 1;
  const sums = shape.length > 2 && words <= 1 ? { first: 0, second: 0 } : undefined;
  const all = shape.length === 1 || (isStacked && shape.length > 1) ? hashes(1) : undefined;
  const rows = hashes(rowCount);
  const columns = isMatrix ? hashes(width) : undefined;
  let [row, column] = [0, 0];
  await streamAssembly(assembly, { chunkBytes: CHUNK_BYTES, signal }, (chunk) => {
    const values = patterns(chunk, tensor.dtype, rounded);
    if (sums !== undefined) addUnordered(sums, values);
    if (all !== undefined) addRow(values, [0, values.length], all, 0, undefined, 0);
    for (let begin = 0; begin < values.length;) {
      const end = Math.min(values.length, begin + width - column);
      addRow(values, [begin, end], rows, row, columns, column);
      column += end - begin;
      if (column === width) [row, column] = [row + 1, 0];
      begin = end;
    }
    return Promise.resolve();
  });
  const rowNumbers = numbersOf(rows);
  const columnNumbers = columns === undefined ? undefined : numbersOf(columns);
  return {
    tensor,
    whole: all === undefined ? undefined : numbersOf(all)[0],
    rows: rowNumbers,
    columns: columnNumbers,
    rowsDigest: digestOf(rowNumbers),
    columnsDigest: columnNumbers === undefined ? undefined : digestOf(columnNumbers),
    unordered: sums === undefined ? undefined : `${sums.first} ${sums.second}`,
  };
}

/** Sums of each value's own hash do not depend on the order. */
function addUnordered(sums: { first: number; second: number }, values: ArrayLike<number>): void {
  let { first, second } = sums;
  for (let at = 0; at < values.length; at++) {
    const value = (values[at] ?? 0) | 0;
    const mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
    first = (first + Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)) | 0;
    second = (second + Math.imul(mixed ^ (mixed >>> 15), 0x27d4eb2f)) | 0;
  }
  Object.assign(sums, { first, second });
}

function digestOf(numbers: Float64Array): string {
  return createHash("sha256").update(numbers).digest("base64");
}

let halves: { readonly F16: Uint32Array; readonly BF16: Uint32Array } | undefined;

/** Values as numbers of 32 bits that are equal where the values are: float32's patterns for floats, else the bytes. */
export function patterns(
  bytes: Uint8Array,
  dtype: Dtype,
  rounded: Dtype | undefined,
): Uint32Array | Uint16Array | Uint8Array {
  const { buffer, byteOffset, byteLength } = bytes;
  if (dtype === "F16" || dtype === "BF16") {
    halves ??= {
      F16: Uint32Array.from({ length: 65_536 }, (_, half) => f16ToF32Bits(half)),
      BF16: Uint32Array.from({ length: 65_536 }, (_, half) => bf16ToF32Bits(half)),
    };
    const table = halves[dtype];
    const stored = new Uint16Array(buffer, byteOffset, byteLength / 2);
    const wide = new Uint32Array(stored.length);
    for (let at = 0; at < wide.length; at++) wide[at] = table[stored[at] ?? 0] ?? 0;
    return wide;
  }
  if (dtype === "F32") {
    const stored = new Uint32Array(buffer, byteOffset, byteLength / 4);
    if (rounded === "BF16")
      return Uint32Array.from(stored, (bits) => bf16ToF32Bits(f32BitsToBf16(bits)));
    if (rounded === "F16")
      return Uint32Array.from(stored, (bits) => f16ToF32Bits(f32BitsToF16(bits)));
    return stored;
  }
  const width = DTYPES[dtype].bits / 8;
  if (width >= 4) return new Uint32Array(buffer, byteOffset, byteLength / 4);
  return width === 2 ? new Uint16Array(buffer, byteOffset, byteLength / 2) : bytes;
}
