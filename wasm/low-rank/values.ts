// Elements of a base matrix as float32 and back, four in a register.

export const enum Values {
  F32,
  F16,
  BF16,
}

/** Four of the eight elements at `at` as float32: the first or the second. */
export function loadEight(at: usize, dtype: i32, second: i32): v128 {
  if (dtype == Values.F32) return v128.load(at + 16 * <usize>second);
  const halves = v128.load64_zero(at + 8 * <usize>second);
  const wide = i32x4.extend_low_i16x8_u(halves);
  if (dtype == Values.BF16) return i32x4.shl(wide, 16);
  const magnitude = v128.and(wide, i32x4.splat(0x7fff));
  // Exact, for subnormals too: exponents of binary16 are 112 less.
  const value = f32x4.mul(i32x4.shl(magnitude, 13), f32x4.splat(<f32>(2.0 ** 112)));
  const none = v128.and(i32x4.gt_s(magnitude, i32x4.splat(0x7bff)), i32x4.splat(0x7f800000));
  const sign = i32x4.shl(v128.and(wide, i32x4.splat(0x8000)), 16);
  return v128.or(v128.or(value, none), sign);
}

export function storeEight(at: usize, dtype: i32, first: v128, second: v128): void {
  if (dtype == Values.F32) {
    v128.store(at, first);
    v128.store(at, second, 16);
  } else v128.store(at, i16x8.narrow_i32x4_u(narrowed(first, dtype), narrowed(second, dtype)));
}

/** Four float32 rounded to 16 bits, nearest even, in the low half of each lane; as src/tensor/float-bits.ts. */
export function narrowed(values: v128, dtype: i32): v128 {
  return dtype == Values.BF16 ? toBf16(values) : toF16(values);
}

function toBf16(values: v128): v128 {
  const top = i32x4.shr_u(values, 16);
  const even = v128.and(top, i32x4.splat(1));
  const rounded = i32x4.shr_u(i32x4.add(values, i32x4.add(even, i32x4.splat(0x7fff))), 16);
  const none = f32x4.ne(values, values);
  const bare = i32x4.eq(v128.and(top, i32x4.splat(0x7f)), i32x4.splat(0));
  const quiet = v128.or(top, v128.and(bare, i32x4.splat(0x40)));
  return v128.bitselect(quiet, rounded, none);
}

function toF16(values: v128): v128 {
  const sign = v128.and(i32x4.shr_u(values, 16), i32x4.splat(0x8000));
  const magnitude = v128.and(values, i32x4.splat(0x7fffffff));
  const rebased = i32x4.sub(magnitude, i32x4.splat(0x38000000));
  const even = v128.and(i32x4.shr_u(rebased, 13), i32x4.splat(1));
  const normal = i32x4.shr_u(i32x4.add(rebased, i32x4.add(even, i32x4.splat(0xfff))), 13);
  // Below 2^-14: the processor rounds to binary16's units of 2^-24, which are those of numbers from 0.5 to 1.
  const half = f32x4.splat(0.5);
  const small = i32x4.sub(f32x4.add(magnitude, half), half);
  let found = v128.bitselect(small, normal, i32x4.lt_s(magnitude, i32x4.splat(0x38800000)));
  found = v128.bitselect(
    i32x4.splat(0x7c00),
    found,
    i32x4.gt_s(magnitude, i32x4.splat(0x477fffff)),
  );
  const payload = v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(0x3ff));
  const bare = i32x4.eq(payload, i32x4.splat(0));
  const quiet = v128.or(v128.or(payload, i32x4.splat(0x7c00)), v128.and(bare, i32x4.splat(0x200)));
  found = v128.bitselect(quiet, found, i32x4.gt_s(magnitude, i32x4.splat(0x7f800000)));
  return v128.or(found, sign);
}
