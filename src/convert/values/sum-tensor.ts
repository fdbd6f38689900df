import { createHash, type Hash } from "node:crypto";
import { WbError } from "../../errors/wb-error.ts";
import {
  isContiguous,
  narrowRows,
  transposedAssembly,
  type Assembly,
} from "../../mapping/assembly.ts";
import { readAssembly, streamAssembly } from "../../mapping/read-assembly.ts";
import type { CastDtype, Step } from "../../mapping/step.ts";
import { DTYPES, type Dtype } from "../../tensor/dtype.ts";
import { castFloats, isCastSource, type CastCounts } from "./cast.ts";
import { ColumnMean } from "./column-mean.ts";

export type AddStep = Extract<Step, { kind: "add" }>;

/** SHA-256 of the bytes of both sides, as they were read in the target's layout. */
export interface SummedDigests {
  readonly base: string;
  readonly delta: string;
}

export interface SumOptions {
  readonly counts: CastCounts;
  readonly signal?: AbortSignal | undefined;
}

/** Bytes of a band of the sum: few where both sides are in order, more where a piece of every row has to be fetched. */
const BAND_BYTES = 2 ** 20;
const TURNED_BAND_BYTES = 6 * 2 ** 20;

/**
 * Streams base + delta in bands of rows, in the dtype of the addition; a chunk is only valid until the next.
 * Each element is cast to that dtype, the two are added in float32 and rounded to it, which is what torch computes: a sum of
 * two halves is exact enough in float32 for the second rounding to change nothing (Figueroa, "When is double rounding
 * innocuous?", 1995).
 */
export async function streamSum(
  step: AddStep,
  options: SumOptions,
  onChunk: (chunk: Uint8Array) => void,
): Promise<SummedDigests> {
  const { assembly: delta, dtype } = step.addend;
  const { assembly: base } = step;
  const [rows = 1, columns = 1] = delta.shape;
  const inOrder = isContiguous(base) && isContiguous(delta);
  const bandBytes = inOrder ? BAND_BYTES : TURNED_BAND_BYTES;
  const band = Math.max(1, Math.floor(bandBytes / (columns * 4)));
  const hashes = { base: createHash("sha256"), delta: createHash("sha256") };
  const fill = await fillOf(step, options.signal);
  for (let begin = 0; begin < rows; begin += band) {
    options.signal?.throwIfAborted();
    const end = Math.min(rows, begin + band);
    const [left, right] = await Promise.all([
      readBand(base, begin, end, dtype, options.counts, hashes.base),
      readBand(delta, begin, end, dtype, options.counts, hashes.delta),
    ]);
    const grown = fill === undefined ? left : grow(left, step, fill, begin, end);
    onChunk(roundTo(dtype, addInto(right, grown, options.counts), options.counts));
  }
  return { base: hashes.base.digest("hex"), delta: hashes.delta.digest("hex") };
}

/** Rows `begin` to `end` of one side, as far as it has them, cast to `dtype` and widened to float32. */
async function readBand(
  side: Assembly,
  begin: number,
  end: number,
  dtype: CastDtype,
  counts: CastCounts,
  hash: Hash,
): Promise<Float32Array> {
  const last = Math.min(end, side.shape[0] ?? 1);
  if (begin >= last) return new Float32Array(0);
  const bytes = await readAssembly(narrowRows(side, begin, last));
  hash.update(bytes);
  return widened(bytes, side.dtype, dtype, counts);
}

/** Elements rounded to `dtype`, as float32. */
function widened(
  bytes: Uint8Array,
  from: Dtype,
  dtype: CastDtype,
  counts: CastCounts,
): Float32Array {
  if (!isCastSource(from)) throw new WbError("WB7001", `the plan adds ${from} weights`);
  const count = bytes.byteLength / (DTYPES[from].bits / 8);
  if (from === "F32" && dtype === "F32")
    return new Float32Array(bytes.buffer, bytes.byteOffset, count);
  const isExact = from === dtype || dtype === "F32" ? from !== "F64" : false;
  const rounded = isExact ? bytes : new Uint8Array(count * (DTYPES[dtype].bits / 8));
  if (!isExact) castFloats(bytes, from, rounded, dtype, counts);
  const values = new Float32Array(count);
  const none: CastCounts = { overflow: 0, underflow: 0 };
  castFloats(rounded, isExact ? from : dtype, new Uint8Array(values.buffer), "F32", none);
  return values;
}

/** `right` += `left`, in float32. Counts finite values whose sum is not, for float32 itself. */
function addInto(right: Float32Array, left: Float32Array, counts: CastCounts): Float32Array {
  for (let index = 0; index < right.length; index++) {
    const [a, b] = [left[index] ?? Number.NaN, right[index] ?? Number.NaN];
    const sum = Math.fround(a + b);
    if (!Number.isFinite(sum) && Number.isFinite(a) && Number.isFinite(b)) counts.overflow++;
    right[index] = sum;
  }
  return right;
}

function roundTo(dtype: CastDtype, values: Float32Array, counts: CastCounts): Uint8Array {
  const wide = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  if (dtype === "F32") return wide;
  const rounded = new Uint8Array(values.length * 2);
  castFloats(wide, "F32", rounded, dtype, counts);
  return rounded;
}

/** The base's band with its new rows (or, transposed, columns), which it has not. */
function grow(
  band: Float32Array,
  { addend, assembly }: AddStep,
  fill: Float32Array,
  begin: number,
  end: number,
): Float32Array {
  const columns = addend.assembly.shape[1] ?? 1;
  const grown = new Float32Array((end - begin) * columns);
  if (addend.axis === 0) {
    grown.set(band);
    for (let at = band.length; at < grown.length; at += columns) grown.set(fill, at);
    return grown;
  }
  const own = assembly.shape[1] ?? 0;
  for (let row = 0; row < end - begin; row++) {
    grown.set(band.subarray(row * own, (row + 1) * own), row * columns);
    grown.fill(fill[begin + row] ?? Number.NaN, row * columns + own, (row + 1) * columns);
  }
  return grown;
}

/** The base's new row; undefined where it has as many as the delta. */
async function fillOf(
  step: AddStep,
  signal: AbortSignal | undefined,
): Promise<Float32Array | undefined> {
  const { axis, newRows, assembly, dtype } = step.addend;
  if (assembly.shape[axis] === step.assembly.shape[axis]) return undefined;
  const width = assembly.shape[1 - axis] ?? 1;
  if (newRows === "zero") return new Float32Array(width);
  const table = axis === 0 ? step.assembly : transposedAssembly(step.assembly);
  const mean = new ColumnMean(table.shape[0] ?? 0, width);
  const none: CastCounts = { overflow: 0, underflow: 0 };
  const chunkBytes = isContiguous(table) ? BAND_BYTES : TURNED_BAND_BYTES;
  await streamAssembly(table, { chunkBytes, signal }, (chunk) => {
    mean.push(widened(chunk, table.dtype, dtype, none));
  });
  return widened(roundTo(dtype, mean.mean(), none), dtype, dtype, none);
}
