import type { StoredTensor } from "../../tensor/table.ts";
import { rowWidth, streamRows } from "./stream-values.ts";

/**
 * Sketches: sums of a vector's values under random signs in few buckets. Cosines of sketches are those of the vectors but for an
 * error of 1/√buckets (Charikar, Chen, Farach-Colton 2002, "Finding frequent items in data streams"), at one addition a value.
 */
export type Sketch = Float32Array;

/** What two tensors have in common as they are, and one with the other's transpose. */
export interface WholeSketch {
  readonly tensor: StoredTensor;
  readonly upright: Sketch;
  /** Of the transpose; of matrices alone. */
  readonly transposed: Sketch | undefined;
}

/** Buckets of a whole tensor's: cosines within 1/64. */
const WHOLE_BUCKETS = 4096;

export async function sketchWhole(
  tensor: StoredTensor,
  signal?: AbortSignal,
): Promise<WholeSketch> {
  const width = rowWidth(tensor);
  const height = tensor.shape[0] ?? 1;
  const upright = new Float32Array(WHOLE_BUCKETS);
  const isMatrix = tensor.shape.length === 2;
  const transposed = isMatrix ? new Float32Array(WHOLE_BUCKETS) : undefined;
  const [first, second] = [Math.max(height, width), width];
  // An index has one number as a row and another as a column, so that an element's place differs from its mirror's.
  const [asRow, asColumn] = [placesOf(first, 1), placesOf(isMatrix ? first : second, 2)];
  await streamRows(
    tensor,
    width,
    (values, range, row, column) => {
      addRow(upright, values, range, asRow[row] ?? 0, asColumn, column);
      if (transposed !== undefined)
        addRow(transposed, values, range, asColumn[row] ?? 0, asRow, column);
    },
    signal,
  );
  return { tensor, upright, transposed };
}

/** Adds values whose places are the sums of their row's and their column's. */
function addRow(
  sums: Sketch,
  values: Float64Array,
  [begin, end]: readonly [number, number],
  row: number,
  columns: Int32Array,
  column: number,
): void {
  for (let at = begin, to = column; at < end; at++, to++) {
    const place = row + (columns[to] ?? 0);
    const bucket = place & (WHOLE_BUCKETS - 1);
    const value = values[at] ?? 0;
    sums[bucket] = (sums[bucket] ?? 0) + ((place & SIGN) === 0 ? value : -value);
  }
}

/** Above the bits of a bucket and their carry. */
const SIGN = 1 << 20;

/** A random number for each index; its low bits are a bucket, bit 20 a sign. */
function placesOf(count: number, seed: number): Int32Array {
  return Int32Array.from({ length: count }, (_unused, index) => {
    const mixed = mix(index, seed);
    return (mixed & (WHOLE_BUCKETS - 1)) | (mixed & SIGN);
  });
}

/** The finaliser of MurmurHash3, a mixing of 32 bits. */
function mix(index: number, seed: number): number {
  let bits = (Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(seed, 0x7feb352d)) | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) & 0x3fffffff;
}

/** Buckets of a row's: cosines within 1/8. */
export const ROW_BUCKETS = 64;

/** Sketches of a tensor's rows, of its columns, or of all of it as one row. */
export interface RowSet {
  readonly tensor: StoredTensor;
  readonly axis: 0 | 1 | "whole";
  readonly count: number;
  /** Values of a row. */
  readonly width: number;
  /** One sketch after another, each of length 1, or 0. */
  readonly sketches: Sketch;
}

export async function sketchRows(
  tensor: StoredTensor,
  axis: RowSet["axis"],
  signal?: AbortSignal,
): Promise<RowSet> {
  const width = rowWidth(tensor);
  const height = tensor.shape[0] ?? 1;
  const count = axis === 0 ? height : axis === 1 ? width : 1;
  const length = axis === 0 ? width : axis === 1 ? height : width * height;
  const sums = new Float32Array(count * ROW_BUCKETS);
  const places = Uint8Array.from(
    { length },
    (_unused, index) => mix(index, 3) & (2 * ROW_BUCKETS - 1),
  );
  await streamRows(
    tensor,
    width,
    (values, range, row, column) => {
      if (axis === 1) addColumns(sums, values, range, places[row] ?? 0, column);
      else {
        const [own, from] = axis === 0 ? [row, column] : [0, row * width + column];
        addToOne(sums, values, range, own * ROW_BUCKETS, places, from);
      }
    },
    signal,
  );
  normalise(sums);
  return { tensor, axis, count, width: length, sketches: sums };
}

function addToOne(
  sums: Sketch,
  values: Float64Array,
  [begin, end]: readonly [number, number],
  base: number,
  places: Uint8Array,
  from: number,
): void {
  for (let at = begin, index = from; at < end; at++, index++) {
    const place = places[index] ?? 0;
    const bucket = base + (place & (ROW_BUCKETS - 1));
    const value = values[at] ?? 0;
    sums[bucket] = (sums[bucket] ?? 0) + (place < ROW_BUCKETS ? value : -value);
  }
}

/** One value of each of some columns, all in one row. */
function addColumns(
  sums: Sketch,
  values: Float64Array,
  [begin, end]: readonly [number, number],
  place: number,
  column: number,
): void {
  const sign = place < ROW_BUCKETS ? 1 : -1;
  let bucket = column * ROW_BUCKETS + (place & (ROW_BUCKETS - 1));
  for (let at = begin; at < end; at++, bucket += ROW_BUCKETS)
    sums[bucket] = (sums[bucket] ?? 0) + sign * (values[at] ?? 0);
}

function normalise(sums: Sketch): void {
  for (let base = 0; base < sums.length; base += ROW_BUCKETS) {
    const row = sums.subarray(base, base + ROW_BUCKETS);
    const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    if (length > 0) for (let at = 0; at < ROW_BUCKETS; at++) row[at] = (row[at] ?? 0) / length;
  }
}

/** The cosine of one set's row with another's; NaN where one of them has no values but 0 or is not there. */
export function rowCosine(left: RowSet, row: number, right: RowSet, other: number): number {
  if (other < 0 || other >= right.count) return Number.NaN;
  const [a, b] = [row * ROW_BUCKETS, other * ROW_BUCKETS];
  let dot = 0;
  for (let at = 0; at < ROW_BUCKETS; at++)
    dot += (left.sketches[a + at] ?? 0) * (right.sketches[b + at] ?? 0);
  return dot === 0 ? Number.NaN : dot;
}

export function cosine(left: ArrayLike<number>, right: ArrayLike<number>): number {
  let [dot, a, b] = [0, 0, 0];
  for (let at = 0; at < left.length; at++) {
    const [x, y] = [left[at] ?? 0, right[at] ?? 0];
    dot += x * y;
    a += x * x;
    b += y * y;
  }
  return a === 0 && b === 0 ? 1 : dot / Math.sqrt(a * b);
}
