import { Values, loadEight, narrowed } from "./values";

/** Eight elements of 16 bits from a lower and an upper bound of their products; false, and nothing written, where the two differ for one, or one is no finite number. */
export function eightBounded(
  at: usize,
  dtype: i32,
  factors: usize,
  values: usize,
  norms: usize,
  rank: i32,
  bound: f32,
  scaling: f32,
): bool {
  let low = f32x4.splat(0);
  let high = f32x4.splat(0);
  for (let k = 0; k < rank; k++) {
    const factor = v128.load32_splat(factors + 4 * <usize>k);
    const from = values + 32 * <usize>k;
    low = f32x4.add(low, f32x4.mul(factor, v128.load(from)));
    high = f32x4.add(high, f32x4.mul(factor, v128.load(from, 16)));
  }
  const by = f32x4.splat(scaling);
  const base0 = loadEight(at, dtype, 0);
  const off0 = f32x4.mul(f32x4.splat(bound), v128.load(norms));
  const below0 = narrowed(f32x4.add(base0, f32x4.mul(f32x4.sub(low, off0), by)), dtype);
  const above0 = narrowed(f32x4.add(base0, f32x4.mul(f32x4.add(low, off0), by)), dtype);
  const base1 = loadEight(at, dtype, 1);
  const off1 = f32x4.mul(f32x4.splat(bound), v128.load(norms, 16));
  const below1 = narrowed(f32x4.add(base1, f32x4.mul(f32x4.sub(high, off1), by)), dtype);
  const above1 = narrowed(f32x4.add(base1, f32x4.mul(f32x4.add(high, off1), by)), dtype);
  const below = i16x8.narrow_i32x4_u(below0, below1);
  const above = i16x8.narrow_i32x4_u(above0, above1);
  const magnitude = v128.and(below, i16x8.splat(0x7fff));
  const none = i16x8.splat(dtype == Values.F16 ? 0x7c00 : 0x7f80);
  const isSure = v128.and(i16x8.eq(below, above), i16x8.lt_s(magnitude, none));
  if (!i16x8.all_true(isSure)) return false;
  v128.store(at, below);
  return true;
}
