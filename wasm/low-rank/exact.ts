import { loadEight, storeEight } from "./values";

/** The 29 bits that a float64 has beyond a float32, and their pattern half way between two of them. */
const BEYOND: i64 = 0x1fffffff;
const HALF_WAY: i64 = 0x10000000;

/**
 * Eight elements by fused multiply-adds in float32, made of float64: a product is exact there, and the sum, rounded to float64, rounds to float32 as the true one
 * but where it is half way between two float32. Then what was lost decides: the sum is rounded to odd instead (Boldo and Melquiond 2008), which float32 rounds
 * rightly. A sum below float32's normal numbers is half way at other bits, but exact unless factors are tiny: `isSmall` says so, and rounds all sums to odd.
 */
export function eightExact(
  at: usize,
  dtype: i32,
  factors: usize,
  values: usize,
  rank: i32,
  isSmall: bool,
  scaling: f32,
): void {
  const beyond = i64x2.splat(BEYOND);
  const halfWay = i64x2.splat(HALF_WAY);
  let a0 = f64x2.splat(0);
  let a1 = f64x2.splat(0);
  let a2 = f64x2.splat(0);
  let a3 = f64x2.splat(0);
  for (let k = 0; k < rank; k++) {
    const factor = f64x2.splat(<f64>load<f32>(factors + 4 * <usize>k));
    const from = values + 32 * <usize>k;
    const p0 = f64x2.mul(factor, f64x2.promote_low_f32x4(v128.load64_zero(from)));
    const p1 = f64x2.mul(factor, f64x2.promote_low_f32x4(v128.load64_zero(from, 8)));
    const p2 = f64x2.mul(factor, f64x2.promote_low_f32x4(v128.load64_zero(from, 16)));
    const p3 = f64x2.mul(factor, f64x2.promote_low_f32x4(v128.load64_zero(from, 24)));
    let s0 = f64x2.add(p0, a0);
    let s1 = f64x2.add(p1, a1);
    let s2 = f64x2.add(p2, a2);
    let s3 = f64x2.add(p3, a3);
    const open = v128.or(
      v128.or(i64x2.eq(v128.and(s0, beyond), halfWay), i64x2.eq(v128.and(s1, beyond), halfWay)),
      v128.or(i64x2.eq(v128.and(s2, beyond), halfWay), i64x2.eq(v128.and(s3, beyond), halfWay)),
    );
    if (isSmall || v128.any_true(open)) {
      s0 = toOdd(s0, p0, a0);
      s1 = toOdd(s1, p1, a1);
      s2 = toOdd(s2, p2, a2);
      s3 = toOdd(s3, p3, a3);
    }
    a0 = f64x2.promote_low_f32x4(f32x4.demote_f64x2_zero(s0));
    a1 = f64x2.promote_low_f32x4(f32x4.demote_f64x2_zero(s1));
    a2 = f64x2.promote_low_f32x4(f32x4.demote_f64x2_zero(s2));
    a3 = f64x2.promote_low_f32x4(f32x4.demote_f64x2_zero(s3));
  }
  const low = v128.shuffle<i64>(f32x4.demote_f64x2_zero(a0), f32x4.demote_f64x2_zero(a1), 0, 2);
  const high = v128.shuffle<i64>(f32x4.demote_f64x2_zero(a2), f32x4.demote_f64x2_zero(a3), 0, 2);
  const by = f32x4.splat(scaling);
  const base0 = loadEight(at, dtype, 0);
  const base1 = loadEight(at, dtype, 1);
  storeEight(
    at,
    dtype,
    f32x4.add(base0, f32x4.mul(low, by)),
    f32x4.add(base1, f32x4.mul(high, by)),
  );
}

/** The sum of two numbers rounded to odd: where it is inexact and even, its neighbour on the side of what was lost (Knuth's remainder). */
function toOdd(sum: v128, left: v128, right: v128): v128 {
  const part = f64x2.sub(sum, left);
  const lost = f64x2.add(f64x2.sub(left, f64x2.sub(sum, part)), f64x2.sub(right, part));
  // Not of infinities and NaN, whose remainder is NaN.
  const isInexact = f64x2.gt(f64x2.abs(lost), f64x2.splat(0));
  const isEven = i64x2.eq(v128.and(sum, i64x2.splat(1)), i64x2.splat(0));
  // 1 away from zero, −1 towards it.
  const step = v128.or(i64x2.shr_s(v128.xor(lost, sum), 63), i64x2.splat(1));
  return i64x2.add(sum, v128.and(step, v128.and(isInexact, isEven)));
}
