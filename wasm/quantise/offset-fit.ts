// Levels from 0 with a scale and an offset, for groups of 32 numbers (ggml-quants.c, `make_qkx2_quants`, llama-cpp-python 0.3.36).
import { at, levels } from "./lanes";

export const GROUP: i32 = 32;
/** Four groups, and the levels found for them. */
export const NUMBERS = memory.data(16 * 32);
const WEIGHTS = memory.data(16 * 32);
const TRIAL = memory.data(16 * 32);
export const BEST = memory.data(16 * 32);

/** A number's weight is its size and the root of the group's mean square. */
export function weigh(): void {
  let squares = f32x4.splat(0);
  for (let index = 0; index < GROUP; index++) {
    const x = at(NUMBERS, index);
    squares = f32x4.add(squares, f32x4.mul(x, x));
  }
  const mean = f32x4.sqrt(f32x4.div(squares, f32x4.splat(32)));
  for (let index = 0; index < GROUP; index++)
    v128.store(WEIGHTS + 16 * <usize>index, f32x4.add(mean, f32x4.abs(at(NUMBERS, index))));
}

/** The weighted squares of what levels leave. */
function errorOf(numbers: usize, scale: v128, least: v128): v128 {
  let error = f32x4.splat(0);
  for (let index = 0; index < GROUP; index++) {
    const made = f32x4.add(f32x4.mul(scale, at(numbers, index)), least);
    const rest = f32x4.sub(made, at(NUMBERS, index));
    error = f32x4.add(error, f32x4.mul(at(WEIGHTS, index), f32x4.mul(rest, rest)));
  }
  return error;
}

/**
 * Scales and offsets of four groups, tried with `steps` + 1 finer and coarser levels; BEST has the levels.
 * @param most The highest level.
 * @param first By how much the first try's range differs from it.
 */
export function fit(most: i32, first: f32, steps: i32, scales: usize, offsets: usize): void {
  const zero = f32x4.splat(0);
  const lowest = i32x4.splat(0);
  const highest = i32x4.splat(most);
  let least = at(NUMBERS, 0);
  let greatest = least;
  let sumW = at(WEIGHTS, 0);
  let sumX = f32x4.mul(sumW, least);
  for (let index = 1; index < GROUP; index++) {
    const x = at(NUMBERS, index);
    const w = at(WEIGHTS, index);
    least = f32x4.pmin(least, x);
    greatest = f32x4.pmax(greatest, x);
    sumW = f32x4.add(sumW, w);
    sumX = f32x4.add(sumX, f32x4.mul(w, x));
  }
  least = f32x4.pmin(least, zero);
  const isFlat = f32x4.eq(greatest, least);
  const start = least;
  let inverse = f32x4.div(f32x4.splat(<f32>most), f32x4.sub(greatest, least));
  let scale = f32x4.div(f32x4.splat(1), inverse);
  for (let index = 0; index < GROUP; index++) {
    const range = f32x4.mul(inverse, f32x4.sub(at(NUMBERS, index), least));
    v128.store(BEST + 16 * <usize>index, levels(range, lowest, highest));
  }
  let bestError = errorOf(BEST, scale, least);
  for (let step = 0; step <= steps; step++) {
    const span = first + <f32>0.1 * <f32>step + <f32>most;
    inverse = f32x4.div(f32x4.splat(span), f32x4.sub(greatest, least));
    let sumL = zero;
    let sumL2 = zero;
    let sumXL = zero;
    for (let index = 0; index < GROUP; index++) {
      const x = at(NUMBERS, index);
      const level = levels(f32x4.mul(inverse, f32x4.sub(x, least)), lowest, highest);
      v128.store(TRIAL + 16 * <usize>index, level);
      const weighted = f32x4.mul(at(WEIGHTS, index), level);
      sumL = f32x4.add(sumL, weighted);
      sumL2 = f32x4.add(sumL2, f32x4.mul(weighted, level));
      sumXL = f32x4.add(sumXL, f32x4.mul(weighted, x));
    }
    const determinant = f32x4.sub(f32x4.mul(sumW, sumL2), f32x4.mul(sumL, sumL));
    const slope = f32x4.div(f32x4.sub(f32x4.mul(sumW, sumXL), f32x4.mul(sumX, sumL)), determinant);
    const cut = f32x4.div(f32x4.sub(f32x4.mul(sumL2, sumX), f32x4.mul(sumL, sumXL)), determinant);
    const isAbove = f32x4.gt(cut, zero);
    const ownLeast = v128.bitselect(zero, cut, isAbove);
    const ownScale = v128.bitselect(f32x4.div(sumXL, sumL2), slope, isAbove);
    const error = errorOf(TRIAL, ownScale, ownLeast);
    const isBetter = v128.and(f32x4.gt(determinant, zero), f32x4.lt(error, bestError));
    if (!v128.any_true(isBetter)) continue;
    for (let index = 0; index < GROUP; index++) {
      const kept = v128.bitselect(at(TRIAL, index), at(BEST, index), isBetter);
      v128.store(BEST + 16 * <usize>index, kept);
    }
    bestError = v128.bitselect(error, bestError, isBetter);
    scale = v128.bitselect(ownScale, scale, isBetter);
    least = v128.bitselect(ownLeast, least, isBetter);
  }
  // A group of one number has no range.
  for (let index = 0; index < GROUP; index++)
    v128.store(BEST + 16 * <usize>index, v128.andnot(at(BEST, index), isFlat));
  v128.store(scales, v128.andnot(scale, isFlat));
  v128.store(offsets, f32x4.neg(v128.bitselect(start, least, isFlat)));
}
