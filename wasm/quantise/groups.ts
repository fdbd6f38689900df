// Four groups of a super-block, or four small blocks, one in each lane: their numbers, what each number weighs, and the levels that were found.
import { at, spread } from "./lanes";

export const NUMBERS = memory.data(16 * 32, 16);
export const WEIGHTS = memory.data(16 * 32, 16);
export const BEST = memory.data(16 * 32, 16);

/** Groups of `count` floats, at most 32, one behind another. Says whether all are finite. */
export function take(from: usize, count: i32): bool {
  return spread(from, count, NUMBERS);
}

/** A number's weight is its size. */
export function weighBySize(count: i32): void {
  for (let index = 0; index < count; index++)
    v128.store(WEIGHTS + 16 * <usize>index, f32x4.abs(at(NUMBERS, index)));
}

/** A number's weight is its square. */
export function weighBySquare(count: i32): void {
  for (let index = 0; index < count; index++) {
    const x = at(NUMBERS, index);
    v128.store(WEIGHTS + 16 * <usize>index, f32x4.mul(x, x));
  }
}

/** A number's weight is its size and the root of the group's mean square. */
export function weighByMean(count: i32): void {
  let squares = f32x4.splat(0);
  for (let index = 0; index < count; index++) {
    const x = at(NUMBERS, index);
    squares = f32x4.add(squares, f32x4.mul(x, x));
  }
  const mean = f32x4.sqrt(f32x4.div(squares, f32x4.splat(<f32>count)));
  for (let index = 0; index < count; index++)
    v128.store(WEIGHTS + 16 * <usize>index, f32x4.add(mean, f32x4.abs(at(NUMBERS, index))));
}

/** A number's weight is what the importance matrix has for its column. */
export function weighByColumn(columns: usize, count: i32): void {
  spread(columns, count, WEIGHTS);
}

/** A number's weight is its column's times the root of its square and of `square`, a mean of squares about it. */
export function weighByColumnAndSize(columns: usize, count: i32, square: f32): void {
  spread(columns, count, WEIGHTS);
  for (let index = 0; index < count; index++) {
    const x = at(NUMBERS, index);
    const size = f32x4.sqrt(f32x4.add(f32x4.splat(square), f32x4.mul(x, x)));
    v128.store(WEIGHTS + 16 * <usize>index, f32x4.mul(at(WEIGHTS, index), size));
  }
}

/** What the numbers of each of the four groups weigh together. */
export function sumWeights(count: i32, to: usize): void {
  let sum = f32x4.splat(0);
  for (let index = 0; index < count; index++) sum = f32x4.add(sum, at(WEIGHTS, index));
  v128.store(to, sum);
}

/** `factor` times the mean square of a super-block. */
export function meanSquare(from: usize, factor: f32): f32 {
  let squares: f32 = 0;
  for (let index: usize = 0; index < 256; index++) {
    const x = load<f32>(from + 4 * index);
    squares += x * x;
  }
  return (factor * squares) / <f32>256;
}
