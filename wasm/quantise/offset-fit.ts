// Levels from 0 with a scale and an offset (ggml-quants.c, `make_qkx2_quants` and `make_qkx3_quants`, llama-cpp-python 0.3.36).
import { BEST, NUMBERS, WEIGHTS } from "./groups";
import { at, levels } from "./lanes";

const TRIAL = memory.data(16 * 32, 16);

/** The weighted squares, or sizes, of what levels leave. */
function errorOf(count: i32, numbers: usize, scale: v128, least: v128, bySize: bool): v128 {
  let error = f32x4.splat(0);
  for (let index = 0; index < count; index++) {
    const made = f32x4.add(f32x4.mul(scale, at(numbers, index)), least);
    const rest = f32x4.sub(made, at(NUMBERS, index));
    const own = bySize ? f32x4.abs(rest) : f32x4.mul(rest, rest);
    error = f32x4.add(error, f32x4.mul(at(WEIGHTS, index), own));
  }
  return error;
}

/**
 * Scales and offsets of four groups of `count` weighed numbers, tried with `steps` + 1 finer and coarser levels; BEST has the levels.
 * @param most The highest level.
 * @param first By how much the first try's range differs from it.
 * @param by By how much each try's range is longer than the one before.
 * @param bySize Whether errors count by their size, and not by their square.
 */
export function fitOffsets(
  count: i32,
  most: i32,
  first: f32,
  by: f32,
  steps: i32,
  bySize: bool,
  scales: usize,
  offsets: usize,
): void {
  const zero = f32x4.splat(0);
  const lowest = i32x4.splat(0);
  const highest = i32x4.splat(most);
  let least = at(NUMBERS, 0);
  let greatest = least;
  let sumW = at(WEIGHTS, 0);
  let sumX = f32x4.mul(sumW, least);
  for (let index = 1; index < count; index++) {
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
  for (let index = 0; index < count; index++) {
    const range = f32x4.mul(inverse, f32x4.sub(at(NUMBERS, index), least));
    v128.store(BEST + 16 * <usize>index, levels(range, lowest, highest));
  }
  let bestError = errorOf(count, BEST, scale, least, bySize);
  for (let step = 0; step <= steps; step++) {
    const span = first + by * <f32>step + <f32>most;
    inverse = f32x4.div(f32x4.splat(span), f32x4.sub(greatest, least));
    let sumL = zero;
    let sumL2 = zero;
    let sumXL = zero;
    for (let index = 0; index < count; index++) {
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
    const error = errorOf(count, TRIAL, ownScale, ownLeast, bySize);
    const isBetter = v128.and(f32x4.gt(determinant, zero), f32x4.lt(error, bestError));
    if (!v128.any_true(isBetter)) continue;
    for (let index = 0; index < count; index++) {
      const kept = v128.bitselect(at(TRIAL, index), at(BEST, index), isBetter);
      v128.store(BEST + 16 * <usize>index, kept);
    }
    bestError = v128.bitselect(error, bestError, isBetter);
    scale = v128.bitselect(ownScale, scale, isBetter);
    least = v128.bitselect(ownLeast, least, isBetter);
  }
  // A group of one number has no range.
  for (let index = 0; index < count; index++)
    v128.store(BEST + 16 * <usize>index, v128.andnot(at(BEST, index), isFlat));
  v128.store(scales, v128.andnot(scale, isFlat));
  v128.store(offsets, f32x4.neg(v128.bitselect(start, least, isFlat)));
}
