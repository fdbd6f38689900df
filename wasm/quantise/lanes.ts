// Four groups of a super-block at a time, one in each lane of a vector: every lane does the operations of llama.cpp's scalar code in their order, so that
// the bits are the same. The numbers of a group are 16 bytes apart.

/** Whole numbers nearest to floats as ggml-quants.c's `nearest_int` finds them, its bits taken as they are for what is too large. */
export function nearest(values: v128): v128 {
  const bits = f32x4.add(values, f32x4.splat(12582912.0));
  return i32x4.sub(v128.and(bits, i32x4.splat(0x007fffff)), i32x4.splat(0x00400000));
}

export function nearestOf(value: f32): i32 {
  return i32x4.extract_lane(nearest(f32x4.splat(value)), 0);
}

/** The levels nearest to floats, between two of them, as floats. */
export function levels(values: v128, least: v128, most: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.max_s(least, i32x4.min_s(most, nearest(values))));
}

/** Number `index` of each lane. */
export function at(numbers: usize, index: i32): v128 {
  return v128.load(numbers + 16 * <usize>index);
}

/** Groups of `count` floats one behind another become lanes. Says whether all are finite. */
export function spread(from: usize, count: i32, to: usize): bool {
  let rest = f32x4.splat(0);
  for (let index = 0; index < count; index++) {
    const read = from + 4 * <usize>index;
    let lanes = f32x4.splat(load<f32>(read));
    lanes = f32x4.replace_lane(lanes, 1, load<f32>(read + 4 * <usize>count));
    lanes = f32x4.replace_lane(lanes, 2, load<f32>(read + 8 * <usize>count));
    lanes = f32x4.replace_lane(lanes, 3, load<f32>(read + 12 * <usize>count));
    v128.store(to + 16 * <usize>index, lanes);
    // 0 of what is finite, NaN of anything else.
    rest = f32x4.add(rest, f32x4.sub(lanes, lanes));
  }
  return v128.any_true(f32x4.ne(rest, f32x4.splat(0))) == false;
}

/** Levels of four lanes as bytes, group by group. */
export function gather(from: usize, count: i32, to: usize): void {
  for (let lane = 0; lane < 4; lane++)
    for (let index = 0; index < count; index++)
      store<u8>(
        to + <usize>(lane * count + index),
        <u8>(<i32>load<f32>(from + <usize>(16 * index + 4 * lane))),
      );
}

/** The bits of the binary16 number that is nearest, halves to even. */
export function halfBits(value: f32): u32 {
  const bits = reinterpret<u32>(value);
  const sign = (bits >> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size >= 0x47800000) return sign | 0x7c00;
  // Below 2^-14 the addition itself rounds to units of 2^-24.
  if (size < 0x38800000)
    return sign | (reinterpret<u32>(reinterpret<f32>(size) + <f32>0.5) - 0x3f000000);
  return sign | ((size - 0x38000000 + 0xfff + ((size >> 13) & 1)) >> 13);
}

export function halfValue(half: u32): f32 {
  const sign = (half & 0x8000) << 16;
  const size = half & 0x7fff;
  const value =
    size < 0x400
      ? <f32>size * <f32>5.9604644775390625e-8
      : reinterpret<f32>((size << 13) + 0x38000000);
  return reinterpret<f32>(reinterpret<u32>(value) | sign);
}

export function isFiniteHalf(half: u32): bool {
  return (half & 0x7c00) != 0x7c00;
}
