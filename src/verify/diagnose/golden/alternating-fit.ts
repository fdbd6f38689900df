import { takeStrongest } from "../../relate/low-rank.ts";
import { factor, solveBelow, solveFactored } from "./least-squares.ts";

/** What went through one block of rows of a change: outputs [count, height] of inputs [count, width], row-major. */
export interface Measured {
  readonly count: number;
  readonly height: number;
  readonly inputs: Float64Array;
  readonly outputs: Float64Array;
}

/** A change of low rank: of each block its left factor [height, rank]; the right one [rank, width] is of all. */
export interface Fit {
  readonly lefts: readonly Float64Array[];
  readonly right: Float64Array;
  /** Share of the outputs' energy that it leaves. */
  readonly left: number;
}

/** Rounds of solving for one factor and then for the other, and steps of conjugate gradients in each. */
const ROUNDS = 40;
const STEPS = 24;

/** What a round must at least divide the rest by, or no further one is taken. */
const GAIN = 0.98;

/** What is added to the diagonals, as a share of their mean. */
const RIDGE = 1e-7;
const START_RIDGE = 1e-3;

/** The change that fits all rows best, whatever a few of them do. */
export function fitAll(blocks: readonly Measured[], width: number, rank: number): Fit | undefined {
  const white = whitened(blocks, width);
  if (white === undefined) return undefined;
  const { blocks: list, lower } = white;
  const energy = list.reduce((sum, { outputs }) => sum + squares(outputs), 0);
  let right = startOf(list, width, rank);
  if (right === undefined || !(energy > 0)) return undefined;
  let lefts: readonly Float64Array[] = [];
  let rest = energy;
  for (let round = 0; round < ROUNDS; round++) {
    const next = list.map((block) => leftOf(block, right ?? new Float64Array(0), width, rank));
    if (!next.every((one) => one !== undefined)) return undefined;
    lefts = next;
    const left = list.reduce(
      (sum, block, at) => sum + leftOver(block, next[at], right, width, rank),
      0,
    );
    const isDone = left > GAIN * rest || left < 1e-13 * energy;
    rest = left;
    if (isDone && round > 0) break;
    right = rightOf(list, lefts, right, width, rank);
  }
  return { lefts, right: unwhitened(right, lower, width), left: rest / energy };
}

/** Inputs in a basis in which their channels are alike in size and independent; `lower` leads back. */
function whitened(
  blocks: readonly Measured[],
  width: number,
): { readonly blocks: readonly Measured[]; readonly lower: Float64Array } | undefined {
  const lower = new Float64Array(width * width);
  for (const { inputs, count } of blocks)
    for (let row = 0; row < count; row++) {
      const own = inputs.subarray(row * width, (row + 1) * width);
      for (let i = 0; i < width; i++) {
        const value = own[i] ?? 0;
        for (let j = 0; j <= i; j++)
          lower[i * width + j] = (lower[i * width + j] ?? 0) + value * (own[j] ?? 0);
      }
    }
  addToDiagonal(lower, width, RIDGE);
  if (!factor(lower, width)) return undefined;
  return {
    lower,
    blocks: blocks.map((block) => {
      const inputs = block.inputs.slice();
      for (let row = 0; row < block.count; row++)
        solveBelow(lower, inputs.subarray(row * width, (row + 1) * width), width);
      return { ...block, inputs };
    }),
  };
}

/** A right factor of whitened inputs as one of the inputs themselves: R · L⁻¹. */
function unwhitened(right: Float64Array, lower: Float64Array, width: number): Float64Array {
  const out = right.slice();
  for (let begin = 0; begin < out.length; begin += width)
    for (let i = width - 1; i >= 0; i--) {
      let value = out[begin + i] ?? 0;
      for (let j = i + 1; j < width; j++)
        value -= (lower[j * width + i] ?? 0) * (out[begin + j] ?? 0);
      out[begin + i] = value / (lower[i * width + i] ?? 1);
    }
  return out;
}

/** The strongest directions of the smallest change, block by block, by kernel ridge regression. */
function startOf(
  blocks: readonly Measured[],
  width: number,
  rank: number,
): Float64Array | undefined {
  const rows = blocks.reduce((sum, { height }) => sum + height, 0);
  const change = new Float64Array(rows * width);
  let top = 0;
  for (const { inputs, outputs, count, height } of blocks) {
    const gram = new Float64Array(count * count);
    for (let i = 0; i < count; i++)
      for (let j = 0; j <= i; j++)
        gram[i * count + j] = product(inputs, i * width, inputs, j * width, width);
    addToDiagonal(gram, count, START_RIDGE);
    if (!factor(gram, count)) return undefined;
    for (let row = 0; row < height; row++) {
      const column = Float64Array.from(
        { length: count },
        (_none, at) => outputs[at * height + row] ?? 0,
      );
      const weights = solveFactored(gram, column, count);
      for (const [at, weight] of weights.entries())
        addTimes(change, (top + row) * width, inputs, at * width, width, weight);
    }
    top += height;
  }
  const right = new Float64Array(rank * width);
  for (let index = 0; index < rank; index++)
    right.set(takeStrongest(change, rows, width).direction, index * width);
  return right;
}

/** The left factor of a block that fits a right one best. */
function leftOf(
  { inputs, outputs, count, height }: Measured,
  right: Float64Array,
  width: number,
  rank: number,
): Float64Array | undefined {
  const seen = seenOf(inputs, right, count, width, rank);
  const gram = gramOf(seen, count, rank);
  addToDiagonal(gram, rank, 1e-12);
  if (!factor(gram, rank)) return undefined;
  const left = new Float64Array(height * rank);
  for (let row = 0; row < height; row++) {
    const goal = new Float64Array(rank);
    for (let at = 0; at < count; at++)
      addTimes(goal, 0, seen, at * rank, rank, outputs[at * height + row] ?? 0);
    left.set(solveFactored(gram, goal, rank), row * rank);
  }
  return left;
}

/** The right factor that fits left ones best, by conjugate gradients on the normal equations from the one before. */
function rightOf(
  blocks: readonly Measured[],
  lefts: readonly Float64Array[],
  start: Float64Array,
  width: number,
  rank: number,
): Float64Array {
  const grams = lefts.map((left, at) => whole(gramOf(left, blocks[at]?.height ?? 0, rank), rank));
  const applied = (right: Float64Array): Float64Array => {
    const sum = new Float64Array(right.length);
    for (const [at, { inputs, count }] of blocks.entries()) {
      const seen = seenOf(inputs, right, count, width, rank);
      const gram = grams[at] ?? seen;
      for (let token = 0; token < count; token++)
        for (let row = 0; row < rank; row++) {
          const weight = product(gram, row * rank, seen, token * rank, rank);
          addTimes(sum, row * width, inputs, token * width, width, weight);
        }
    }
    return sum;
  };
  const rest = new Float64Array(start.length);
  for (const [at, { inputs, outputs, count, height }] of blocks.entries())
    for (let token = 0; token < count; token++)
      for (let index = 0; index < rank; index++) {
        let weight = 0;
        for (let row = 0; row < height; row++)
          weight += (lefts[at]?.[row * rank + index] ?? 0) * (outputs[token * height + row] ?? 0);
        addTimes(rest, index * width, inputs, token * width, width, weight);
      }
  addTimes(rest, 0, applied(start), 0, rest.length, -1);
  const right = start.slice();
  const direction = rest.slice();
  let size = squares(rest);
  const enough = 1e-20 * size;
  for (let step = 0; step < STEPS && size > enough; step++) {
    const image = applied(direction);
    const along = size / product(direction, 0, image, 0, image.length);
    if (!Number.isFinite(along)) break;
    addTimes(right, 0, direction, 0, right.length, along);
    addTimes(rest, 0, image, 0, rest.length, -along);
    const next = squares(rest);
    for (let at = 0; at < direction.length; at++)
      direction[at] = (rest[at] ?? 0) + (next / size) * (direction[at] ?? 0);
    size = next;
  }
  return right;
}

/** Energy of a block's outputs that a change leaves. */
export function leftOver(
  { inputs, outputs, count, height }: Measured,
  left: Float64Array = new Float64Array(0),
  right: Float64Array = new Float64Array(0),
  width = 0,
  rank = 0,
): number {
  const seen = seenOf(inputs, right, count, width, rank);
  let sum = 0;
  for (let at = 0; at < count; at++)
    for (let row = 0; row < height; row++)
      sum +=
        ((outputs[at * height + row] ?? 0) - product(left, row * rank, seen, at * rank, rank)) ** 2;
  return sum;
}

/** Inputs through the right factor: [count, rank]. */
function seenOf(
  inputs: Float64Array,
  right: Float64Array,
  count: number,
  width: number,
  rank: number,
): Float64Array {
  const seen = new Float64Array(count * rank);
  for (let at = 0; at < count; at++)
    for (let row = 0; row < rank; row++)
      seen[at * rank + row] = product(inputs, at * width, right, row * width, width);
  return seen;
}

/** Products of the columns of [count, size], the lower half. */
function gramOf(matrix: Float64Array, count: number, size: number): Float64Array {
  const gram = new Float64Array(size * size);
  for (let at = 0; at < count; at++)
    for (let i = 0; i < size; i++)
      for (let j = 0; j <= i; j++)
        gram[i * size + j] =
          (gram[i * size + j] ?? 0) + (matrix[at * size + i] ?? 0) * (matrix[at * size + j] ?? 0);
  return gram;
}

function whole(lower: Float64Array, size: number): Float64Array {
  for (let i = 0; i < size; i++)
    for (let j = i + 1; j < size; j++) lower[i * size + j] = lower[j * size + i] ?? 0;
  return lower;
}

function addToDiagonal(matrix: Float64Array, size: number, share: number): void {
  let trace = 0;
  for (let row = 0; row < size; row++) trace += matrix[row * (size + 1)] ?? 0;
  for (let row = 0; row < size; row++)
    matrix[row * (size + 1)] = (matrix[row * (size + 1)] ?? 0) + (share * trace) / size;
}

function product(
  left: Float64Array,
  leftAt: number,
  right: Float64Array,
  rightAt: number,
  length: number,
): number {
  let sum = 0;
  for (let at = 0; at < length; at++) sum += (left[leftAt + at] ?? 0) * (right[rightAt + at] ?? 0);
  return sum;
}

function addTimes(
  to: Float64Array,
  toAt: number,
  from: Float64Array,
  fromAt: number,
  length: number,
  times: number,
): void {
  for (let at = 0; at < length; at++)
    to[toAt + at] = (to[toAt + at] ?? 0) + times * (from[fromAt + at] ?? 0);
}

function squares(list: Float64Array): number {
  return product(list, 0, list, 0, list.length);
}
