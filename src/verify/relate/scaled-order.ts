import { sizeOf, transposed } from "../diagnose/hypotheses/tensor-edits.ts";
import type { HostTensor } from "../compare/model-runner.ts";
import { isIdentity, isPermutation, type Order } from "./row-order.ts";

/** Rows at least before an order of scaled ones says something. */
const MIN_ROWS = 4;

/** Neighbours in order of size that are tried on each side, since rounding exchanges those that are nearly alike. */
const NEIGHBOURS = 2;

/** Share of a row's size that it is off by at most to be called the other one, scaled. */
const NEAR = 2 ** -6;

/**
 * Where each of our rows (or columns) stands in the reference, all of them by one factor of either sign, which is told by the size of
 * the whole. Rows are found by one number that every row is brought to, and then compared. Undefined where they are in their places, or
 * any is not there.
 */
export function scaledOrder(
  ours: HostTensor,
  reference: HostTensor,
  axis: "rows" | "columns",
): Order | undefined {
  const [left, right] = axis === "rows" ? [ours, reference] : [ours, reference].map(transposed);
  if (left === undefined || right === undefined) return undefined;
  const factor = sizeOfAll(left) / sizeOfAll(right);
  if (!Number.isFinite(factor) || factor === 0) return undefined;
  for (const sign of [1, -1]) {
    const order = orderBy(left, right, sign * factor);
    if (order !== undefined && isPermutation(order) && !isIdentity(order)) return order;
  }
  return undefined;
}

function orderBy(ours: HostTensor, reference: HostTensor, factor: number): Order | undefined {
  const { rows } = sizeOf(ours);
  if (rows < MIN_ROWS) return undefined;
  const [left, right] = [sketches(ours, 1 / factor), sketches(reference, 1)];
  const [mine, theirs] = [bySize(left), bySize(right)];
  const order = Array.from({ length: rows }, () => -1);
  for (const [rank, row] of mine.entries()) {
    const near = theirs.slice(Math.max(0, rank - NEIGHBOURS), rank + NEIGHBOURS + 1);
    const found = near.find((other) => isScaled(ours, row, reference, other, factor));
    if (found === undefined) return undefined;
    order[row] = found;
  }
  return order;
}

/** Rows in order of their numbers. */
function bySize(numbers: Float64Array): readonly number[] {
  return [...numbers.keys()].toSorted((a, b) => (numbers[a] ?? 0) - (numbers[b] ?? 0));
}

/** One number a row, that no other row has but by chance: weights of either sign, none a multiple of another. */
function sketches(tensor: HostTensor, factor: number): Float64Array {
  const { rows } = sizeOf(tensor);
  const width = tensor.data.length / rows;
  const weights = Float64Array.from({ length: width }, (_unused, at) => Math.sin(1 + 1.7 * at));
  const sums = new Float64Array(rows);
  for (let row = 0, index = 0; row < rows; row++) {
    let sum = 0;
    for (let at = 0; at < width; at++, index++)
      sum += (weights[at] ?? 0) * (tensor.data[index] ?? 0);
    sums[row] = factor * sum;
  }
  return sums;
}

function isScaled(
  ours: HostTensor,
  row: number,
  reference: HostTensor,
  other: number,
  factor: number,
): boolean {
  const width = ours.data.length / sizeOf(ours).rows;
  let [difference, size] = [0, 0];
  for (let at = 0; at < width; at++) {
    const made = factor * (reference.data[other * width + at] ?? 0);
    difference += ((ours.data[row * width + at] ?? 0) - made) ** 2;
    size += made * made;
  }
  return difference <= NEAR ** 2 * size;
}

/** Root of the sum of squares. */
function sizeOfAll({ data }: HostTensor): number {
  let sum = 0;
  for (let index = 0; index < data.length; index++) sum += (data[index] ?? 0) ** 2;
  return Math.sqrt(sum);
}
