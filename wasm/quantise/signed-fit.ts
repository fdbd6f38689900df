// Levels on both sides of 0 with a scale (ggml-quants.c, `make_qx_quants` with `rmse_type` 1, llama-cpp-python 0.3.36).
import { BEST, NUMBERS, WEIGHTS } from "./groups";
import { at, levels } from "./lanes";

/** Below it a group is all zero (`GROUP_MAX_EPS`). */
export const EPSILON: f32 = 1e-15;

/**
 * Scales of four groups of `count` weighed numbers; BEST has the levels, from 0 on.
 * @param half How many levels are below 0; one less is above.
 */
export function fitScales(count: i32, half: i32, scales: usize): void {
  const zero = f32x4.splat(0);
  const lowest = i32x4.splat(-half);
  const highest = i32x4.splat(half - 1);
  const middle = f32x4.splat(<f32>half);
  let most = zero;
  let extreme = zero;
  for (let index = 0; index < count; index++) {
    const x = at(NUMBERS, index);
    const size = f32x4.abs(x);
    const isMore = f32x4.gt(size, most);
    most = v128.bitselect(size, most, isMore);
    extreme = v128.bitselect(x, extreme, isMore);
  }
  const isZero = f32x4.lt(most, f32x4.splat(EPSILON));
  let scale = zero;
  let best = zero;
  // The first try is the one whose levels end at the extreme.
  for (let number = 0; number < 19; number++) {
    const step = number == 0 ? 0 : number <= 9 ? number - 10 : number - 9;
    const span: f32 = number == 0 ? -(<f32>half) : -(<f32>half + <f32>0.1 * <f32>step);
    const inverse = f32x4.div(f32x4.splat(span), extreme);
    let sumLX = zero;
    let sumL2 = zero;
    for (let index = 0; index < count; index++) {
      const x = at(NUMBERS, index);
      const level = levels(f32x4.mul(inverse, x), lowest, highest);
      const weight = at(WEIGHTS, index);
      sumLX = f32x4.add(sumLX, f32x4.mul(f32x4.mul(weight, x), level));
      sumL2 = f32x4.add(sumL2, f32x4.mul(f32x4.mul(weight, level), level));
    }
    const isAny = f32x4.gt(sumL2, zero);
    const isBetter =
      number == 0
        ? i32x4.splat(-1)
        : v128.and(isAny, f32x4.gt(f32x4.mul(sumLX, sumLX), f32x4.mul(best, sumL2)));
    if (!v128.any_true(isBetter)) continue;
    for (let index = 0; index < count; index++) {
      const level = levels(f32x4.mul(inverse, at(NUMBERS, index)), lowest, highest);
      const own = f32x4.add(level, middle);
      v128.store(BEST + 16 * <usize>index, v128.bitselect(own, at(BEST, index), isBetter));
    }
    // C's `suml2 ?` takes NaN for true; sums of squares are NaN only where the numbers' squares overflow.
    const isSome = number == 0 ? f32x4.ne(sumL2, zero) : isAny;
    const own = v128.and(f32x4.div(sumLX, sumL2), isSome);
    scale = v128.bitselect(own, scale, isBetter);
    best = v128.bitselect(f32x4.mul(own, sumLX), best, isBetter);
  }
  for (let index = 0; index < count; index++)
    v128.store(BEST + 16 * <usize>index, v128.andnot(at(BEST, index), isZero));
  v128.store(scales, v128.andnot(scale, isZero));
}
