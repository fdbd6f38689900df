// Vectors of four float32. Written in AssemblyScript, whose `load`, `store`, `f32x4` and `v128` are instructions.

/** Elements of a vector. */
export const LANES: usize = 4;

/** Bytes of a vector. */
export const VECTOR: usize = 16;

/** Patterns of binary16 and of bfloat16: two types, so that one function is compiled for each. */
export type Half = i16;
export type Bfloat = u16;

/** 2^112, by which the exponent of a binary16 that was moved to that of a float32 is too small; right for subnormal ones, too. */
const HALF_SCALE: f32 = 5.192296858534828e33;

/** Sign, exponent and fraction of a sign-extended binary16 that was shifted by 13 bits. */
const HALF_BITS: i32 = 0x8fffe000;

/** Four elements as float32. A binary16 must be finite: the code that stores a matrix sees to that. */
export function lanes<T>(from: usize): v128 {
  if (isFloat<T>()) return v128.load(from);
  if (!isSigned<T>()) return i32x4.shl(v128.load16x4_u(from), 16);
  const bits = v128.and(i32x4.shl(v128.load16x4_s(from), 13), i32x4.splat(HALF_BITS));
  return f32x4.mul(bits, f32x4.splat(HALF_SCALE));
}

/** One element as float32. */
export function lane<T>(from: usize): f32 {
  if (isFloat<T>()) return load<f32>(from);
  if (!isSigned<T>()) return reinterpret<f32>((<u32>load<u16>(from)) << 16);
  return reinterpret<f32>(((<i32>load<i16>(from)) << 13) & HALF_BITS) * HALF_SCALE;
}

/** The sums of four vectors' lanes, always in the order of `sum`. */
export function sums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(
    v128.shuffle<f32>(a, b, 0, 4, 1, 5), // a0 b0 a1 b1
    v128.shuffle<f32>(a, b, 2, 6, 3, 7), // a2 b2 a3 b3
  );
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

/** (a0 + a2) + (a1 + a3). */
export function sum(a: v128): f32 {
  const pairs = f32x4.add(a, v128.shuffle<f32>(a, a, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

/**
 * e to the power of each lane, within 2 units in the last place; below −87.3 it is e^−87.3, so callers mask what is hidden.
 * Cody and Waite's reduction with ln 2 in two parts, then a polynomial (Cephes, expf).
 */
export function exponential(power: v128): v128 {
  const x = f32x4.min(f32x4.max(power, f32x4.splat(-87.3)), f32x4.splat(88.3));
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269504088896341)));
  const most = f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375)));
  const r = f32x4.add(most, f32x4.mul(n, f32x4.splat(2.1219444e-4)));
  let p = f32x4.splat(1.98756915e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1));
  p = f32x4.add(f32x4.mul(f32x4.mul(p, r), r), f32x4.add(r, f32x4.splat(1)));
  const scale = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  return f32x4.mul(p, scale);
}

/** x / (1 + e^−x). */
export function silu(x: v128): v128 {
  return f32x4.div(x, f32x4.add(f32x4.splat(1), exponential(f32x4.neg(x))));
}

/** A float32 in every lane's place, of which the first counts: so that one element is computed as four are. */
export function first(v: v128): f32 {
  return f32x4.extract_lane(v, 0);
}
