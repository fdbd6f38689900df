// Q4_K and Q5_K (ggml-quants.c, `quantize_row_q4_K_ref` and `quantize_row_q5_K_ref`, llama-cpp-python 0.3.36).
import { gather, halfBits, halfValue, isFiniteHalf, nearestOf, spread } from "./lanes";
import { BEST, fit, GROUP, NUMBERS, weigh } from "./offset-fit";

/** Of the eight groups. */
const SCALES = memory.data(4 * 8, 16);
const OFFSETS = memory.data(4 * 8, 16);
const LEVELS = memory.data(256);
const PACKED = memory.data(12);

/** The greatest of the eight, at least 0. */
function greatestOf(numbers: usize): f32 {
  let most: f32 = 0;
  for (let group: usize = 0; group < 8; group++) {
    const own = load<f32>(numbers + 4 * group);
    if (own > most) most = own;
  }
  return most;
}

function sixBits(value: f32): u32 {
  const own = <u32>(<u8>nearestOf(value));
  return own > 63 ? 63 : own;
}

/**
 * A super-block: scale, offset, eight times six bits of each, for Q5_K the fifth bits, the low four bits.
 * @return Whether binary16 could say the scale and the offset.
 */
export function offsetBlock(from: usize, to: usize, most: i32, first: f32, steps: i32): bool {
  for (let group: usize = 0; group < 8; group += 4) {
    if (!spread(from + 128 * group, GROUP, NUMBERS)) return false;
    weigh();
    fit(most, first, steps, SCALES + 4 * group, OFFSETS + 4 * group);
    gather(BEST, GROUP, LEVELS + 32 * group);
  }
  const scale = greatestOf(SCALES);
  const offset = greatestOf(OFFSETS);
  const inverseScale: f32 = scale > 0 ? <f32>63 / scale : 0;
  const inverseOffset: f32 = offset > 0 ? <f32>63 / offset : 0;
  const scaleHalf = halfBits(scale / <f32>63);
  const offsetHalf = halfBits(offset / <f32>63);
  if (!isFiniteHalf(scaleHalf) || !isFiniteHalf(offsetHalf)) return false;
  store<u16>(to, <u16>scaleHalf);
  store<u16>(to, <u16>offsetHalf, 2);
  for (let group: usize = 0; group < 8; group++) {
    const s = sixBits(inverseScale * load<f32>(SCALES + 4 * group));
    const m = sixBits(inverseOffset * load<f32>(OFFSETS + 4 * group));
    pack(group, s, m);
    const own = halfValue(scaleHalf) * <f32>s;
    if (own == 0) continue;
    relevel(from + 128 * group, own, halfValue(offsetHalf) * <f32>m, most, LEVELS + 32 * group);
  }
  memory.copy(to + 4, PACKED, 12);
  writeLevels(to + 16, most > 15);
  return true;
}

/** The levels again, by the scale and the offset as they are stored. */
function relevel(from: usize, scale: f32, offset: f32, most: i32, to: usize): void {
  for (let index: usize = 0; index < 32; index++) {
    const level = nearestOf((load<f32>(from + 4 * index) + offset) / scale);
    store<u8>(to + index, <u8>max(0, min(most, level)));
  }
}

/** Six bits each: those of the first four groups have a byte each, which keeps two bits of the others'. */
function pack(group: usize, scale: u32, offset: u32): void {
  if (group < 4) {
    store<u8>(PACKED + group, <u8>scale);
    store<u8>(PACKED + group + 4, <u8>offset);
    return;
  }
  const low = PACKED + group - 4;
  store<u8>(PACKED + group + 4, <u8>((scale & 15) | ((offset & 15) << 4)));
  store<u8>(low, <u8>(load<u8>(low) | ((scale >> 4) << 6)));
  store<u8>(low + 4, <u8>(load<u8>(low + 4) | ((offset >> 4) << 6)));
}

/** Nibbles of two groups each; a fifth bit is bit `group` of a byte before them. */
function writeLevels(to: usize, hasFifth: bool): void {
  const nibbles = hasFifth ? to + 32 : to;
  for (let pair: usize = 0; pair < 4; pair++)
    for (let index: usize = 0; index < 32; index++) {
      const low = <u32>load<u8>(LEVELS + 64 * pair + index);
      const high = <u32>load<u8>(LEVELS + 64 * pair + 32 + index);
      store<u8>(nibbles + 32 * pair + index, <u8>((low & 15) | ((high & 15) << 4)));
      if (!hasFifth) continue;
      const fifths = ((low >> 4) | ((high >> 4) << 1)) << (2 * <u32>pair);
      const before = pair == 0 ? 0 : <u32>load<u8>(to + index);
      store<u8>(to + index, <u8>(before | fifths));
    }
}
