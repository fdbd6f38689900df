// Q6_K: groups of 16 numbers as levels of -32 to 31, with a scale each (ggml-quants.c, `make_qx_quants` with `rmse_type` 1 and no importance
// matrix, `quantize_row_q6_K_ref`, llama-cpp-python 0.3.36).
import { at, gather, halfBits, halfValue, isFiniteHalf, levels, nearestOf, spread } from "./lanes";

const GROUP: i32 = 16;
const NUMBERS = memory.data(16 * 16);
const BEST = memory.data(16 * 16);
const SCALES = memory.data(4 * 16, 16);
const LEVELS = memory.data(256);
/** Below it a group is all zero (`GROUP_MAX_EPS`). */
const EPSILON: f32 = 1e-15;

/** Scales of four groups; BEST has the levels, from 0 on. */
function fit(group: usize): void {
  const zero = f32x4.splat(0);
  const lowest = i32x4.splat(-32);
  const highest = i32x4.splat(31);
  let most = zero;
  let extreme = zero;
  for (let index = 0; index < GROUP; index++) {
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
    const span: f32 = number == 0 ? -32 : -(<f32>32 + <f32>0.1 * <f32>step);
    const inverse = f32x4.div(f32x4.splat(span), extreme);
    let sumLX = zero;
    let sumL2 = zero;
    for (let index = 0; index < GROUP; index++) {
      const x = at(NUMBERS, index);
      const level = levels(f32x4.mul(inverse, x), lowest, highest);
      const weight = f32x4.mul(x, x);
      sumLX = f32x4.add(sumLX, f32x4.mul(f32x4.mul(weight, x), level));
      sumL2 = f32x4.add(sumL2, f32x4.mul(f32x4.mul(weight, level), level));
    }
    const isAny = f32x4.gt(sumL2, zero);
    const isBetter =
      number == 0
        ? i32x4.splat(-1)
        : v128.and(isAny, f32x4.gt(f32x4.mul(sumLX, sumLX), f32x4.mul(best, sumL2)));
    if (!v128.any_true(isBetter)) continue;
    for (let index = 0; index < GROUP; index++) {
      const level = levels(f32x4.mul(inverse, at(NUMBERS, index)), lowest, highest);
      const own = f32x4.add(level, f32x4.splat(32));
      v128.store(BEST + 16 * <usize>index, v128.bitselect(own, at(BEST, index), isBetter));
    }
    // C's `suml2 ?` takes NaN for true; sums of squares are NaN only where the numbers' squares overflow.
    const isSome = number == 0 ? f32x4.ne(sumL2, zero) : isAny;
    const own = v128.and(f32x4.div(sumLX, sumL2), isSome);
    scale = v128.bitselect(own, scale, isBetter);
    best = v128.bitselect(f32x4.mul(own, sumLX), best, isBetter);
  }
  for (let index = 0; index < GROUP; index++)
    v128.store(BEST + 16 * <usize>index, v128.andnot(at(BEST, index), isZero));
  v128.store(SCALES + 4 * group, v128.andnot(scale, isZero));
}

/**
 * A super-block: low four bits, high two bits, sixteen scales of eight bits, the scale of them.
 * @return Whether binary16 could say the scale.
 */
export function signedBlock(from: usize, to: usize): bool {
  let most: f32 = 0;
  let extreme: f32 = 0;
  for (let group: usize = 0; group < 16; group += 4) {
    if (!spread(from + 64 * group, GROUP, NUMBERS)) return false;
    fit(group);
    gather(BEST, GROUP, LEVELS + 16 * group);
  }
  for (let group: usize = 0; group < 16; group++) {
    const own = load<f32>(SCALES + 4 * group);
    // Of numbers whose squares are infinite; llama.cpp would go on, and might write zeros.
    if (own != own) return false;
    if (abs(own) > most) {
      most = abs(own);
      extreme = own;
    }
  }
  memory.fill(to, 0, 210);
  if (most < EPSILON) return true;
  const inverse: f32 = <f32>-128 / extreme;
  const scale = halfBits(<f32>1 / inverse);
  if (!isFiniteHalf(scale)) return false;
  store<u16>(to, <u16>scale, 208);
  for (let group: usize = 0; group < 16; group++) {
    const own = min(127, nearestOf(inverse * load<f32>(SCALES + 4 * group)));
    store<i8>(to + 192 + group, <i8>own);
    relevel(from + 64 * group, halfValue(scale) * <f32>(<i8>own), LEVELS + 16 * group);
  }
  writeLevels(to);
  return true;
}

/** The levels again, by the scale as it is stored. */
function relevel(from: usize, scale: f32, to: usize): void {
  if (scale == 0) return;
  for (let index: usize = 0; index < 16; index++) {
    const level = nearestOf(load<f32>(from + 4 * index) / scale);
    store<u8>(to + index, <u8>(max(-32, min(31, level)) + 32));
  }
}

function writeLevels(to: usize): void {
  for (let part: usize = 0; part < 2; part++)
    for (let index: usize = 0; index < 32; index++) {
      const first = LEVELS + 128 * part + index;
      const a = <u32>load<u8>(first);
      const b = <u32>load<u8>(first + 32);
      const c = <u32>load<u8>(first + 64);
      const d = <u32>load<u8>(first + 96);
      const low = to + 64 * part + index;
      store<u8>(low, <u8>((a & 15) | ((c & 15) << 4)));
      store<u8>(low + 32, <u8>((b & 15) | ((d & 15) << 4)));
      const high = (a >> 4) | ((b >> 4) << 2) | ((c >> 4) << 4) | ((d >> 4) << 6);
      store<u8>(to + 128 + 32 * part + index, <u8>high);
    }
}
