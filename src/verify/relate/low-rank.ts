import type { HostTensor } from "../compare/model-runner.ts";
import { sizeOf } from "../diagnose/tensor-edits.ts";

/** Ranks of adapters: 4 to 64 are common, 256 the largest in use. */
const MAX_RANK = 256;

/** A difference of at most this share of the matrix's rank is called of low rank. */
const LOW = 4;

/** What float32 leaves of a difference of two rounded matrices, relative to the largest value of either. */
const ROUNDING = 2 ** -21;

/** How many times what rounding leaves a difference must be before its rank is looked for. */
const CLEAR = 32;

/**
 * The rank of ours less the reference, where it is low: crosses of the largest element's row and column are taken away until
 * nothing but rounding is left. Undefined when it is not low, or when nothing differs.
 */
export function deltaRank(
  ours: HostTensor,
  reference: HostTensor,
  unit: number,
): number | undefined {
  const { rows, columns } = sizeOf(ours);
  const most = Math.min(MAX_RANK, Math.floor(Math.min(rows, columns) / LOW));
  const rest = Float64Array.from(
    ours.data,
    (value, index) => value - (reference.data[index] ?? Number.NaN),
  );
  let largest = 0;
  for (const side of [ours.data, reference.data])
    for (const value of side) largest = Math.max(largest, Math.abs(value));
  const negligible = Math.max(ROUNDING, 2 * unit) * largest;
  // So near to rounding any difference is soon used up, and its rank says nothing.
  if (!(largestOf(rest).value > CLEAR * negligible)) return undefined;
  for (let rank = 0; rank <= most; rank++) {
    const { index, value } = largestOf(rest);
    if (Number.isNaN(value)) return undefined;
    // Each cross may double what rounding left.
    if (value <= negligible * (1 + rank)) return rank === 0 ? undefined : rank;
    takeCross(rest, index, columns);
  }
  return undefined;
}

function largestOf(data: Float64Array): { readonly index: number; readonly value: number } {
  let [index, value] = [0, 0];
  for (let at = 0; at < data.length; at++) {
    const size = Math.abs(data[at] ?? 0);
    if (Number.isNaN(size)) return { index: at, value: Number.NaN };
    if (size > value) [index, value] = [at, size];
  }
  return { index, value };
}

function takeCross(data: Float64Array, index: number, columns: number): void {
  const [row, column] = [Math.floor(index / columns), index % columns];
  const pivot = data[index] ?? 0;
  const across = data.slice(row * columns, (row + 1) * columns);
  for (let begin = 0; begin < data.length; begin += columns) {
    const factor = (data[begin + column] ?? 0) / pivot;
    if (factor === 0) continue;
    for (let at = 0; at < columns; at++)
      data[begin + at] = (data[begin + at] ?? 0) - factor * (across[at] ?? 0);
  }
}
