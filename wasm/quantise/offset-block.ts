// Q4_K and Q5_K (ggml-quants.c, `quantize_row_q4_K_ref`, `quantize_row_q4_K_impl` and those of Q5_K, llama-cpp-python 0.3.36).
import { BEST, meanSquare, sumWeights, take, weighByColumnAndSize, weighByMean } from "./groups";
import { gather, halfBits, halfValue, isFiniteHalf, nearestOf } from "./lanes";
import { fitOffsets } from "./offset-fit";
import { fitSteps } from "./positive-fit";

const GROUP: i32 = 32;
/** Of the eight groups. */
const SCALES = memory.data(4 * 8, 16);
const OFFSETS = memory.data(4 * 8, 16);
const SUMS = memory.data(4 * 8, 16);
const LEVELS = memory.data(256);
/** Scales and offsets in steps. */
const SCALE_STEPS = memory.data(8);
const OFFSET_STEPS = memory.data(8);
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

/** The eight in six bits each. Gives their step. */
function sixBits(numbers: usize, steps: usize): f32 {
  const most = greatestOf(numbers);
  const inverse: f32 = most > 0 ? <f32>63 / most : 0;
  for (let group: usize = 0; group < 8; group++) {
    const own = <u32>(<u8>nearestOf(inverse * load<f32>(numbers + 4 * group)));
    store<u8>(steps + group, <u8>(own > 63 ? 63 : own));
  }
  return most / <f32>63;
}

/**
 * A super-block: scale, offset, eight times six bits of each, for Q5_K the fifth bits, the low four bits.
 * @return Whether binary16 could say the scale and the offset.
 */
export function offsetBlock(from: usize, to: usize, most: i32, first: f32, steps: i32): bool {
  for (let group: usize = 0; group < 8; group += 4) {
    if (!take(from + 128 * group, GROUP)) return false;
    weighByMean(GROUP);
    const own = 4 * group;
    fitOffsets(GROUP, most, first, 0.1, steps, false, SCALES + own, OFFSETS + own);
    gather(BEST, GROUP, LEVELS + 32 * group);
  }
  const scale = sixBits(SCALES, SCALE_STEPS);
  return write(from, to, most, scale, sixBits(OFFSETS, OFFSET_STEPS));
}

/** The same by an importance matrix, of which `columns` has the super-block's. */
export function weightedOffsetBlock(from: usize, columns: usize, to: usize, most: i32): bool {
  const square = meanSquare(from, 2);
  for (let group: usize = 0; group < 8; group += 4) {
    if (!take(from + 128 * group, GROUP)) return false;
    weighByColumnAndSize(columns + 128 * group, GROUP, square);
    const own = 4 * group;
    sumWeights(GROUP, SUMS + own);
    fitOffsets(GROUP, most, -0.9, 0.05, 36, false, SCALES + own, OFFSETS + own);
    gather(BEST, GROUP, LEVELS + 32 * group);
  }
  const scale = fitSteps(8, 63, SCALES, SUMS, SCALE_STEPS);
  const offset = fitSteps(8, 63, OFFSETS, SUMS, OFFSET_STEPS);
  // Q5_K takes no more than six bits, Q4_K all eight.
  if (most > 15)
    for (let index: usize = 0; index < 8; index++) {
      store<u8>(SCALE_STEPS + index, min<u8>(63, load<u8>(SCALE_STEPS + index)));
      store<u8>(OFFSET_STEPS + index, min<u8>(63, load<u8>(OFFSET_STEPS + index)));
    }
  return write(from, to, most, scale, offset);
}

function write(from: usize, to: usize, most: i32, scale: f32, offset: f32): bool {
  const scaleHalf = halfBits(scale);
  const offsetHalf = halfBits(offset);
  if (!isFiniteHalf(scaleHalf) || !isFiniteHalf(offsetHalf)) return false;
  store<u16>(to, <u16>scaleHalf);
  store<u16>(to, <u16>offsetHalf, 2);
  for (let group: usize = 0; group < 8; group++)
    pack(group, <u32>load<u8>(SCALE_STEPS + group), <u32>load<u8>(OFFSET_STEPS + group));
  for (let group: usize = 0; group < 8; group++) {
    const own = halfValue(scaleHalf) * <f32>packedScale(group);
    if (own == 0) continue;
    const least = halfValue(offsetHalf) * <f32>packedOffset(group);
    relevel(from + 128 * group, own, least, most, LEVELS + 32 * group);
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

/** What a reader finds: a step beyond six bits, which an importance matrix with zeros can lead to, is another one there. */
function packedScale(group: usize): u32 {
  if (group < 4) return load<u8>(PACKED + group) & 63;
  return (load<u8>(PACKED + group + 4) & 15) | ((load<u8>(PACKED + group - 4) >> 6) << 4);
}
function packedOffset(group: usize): u32 {
  if (group < 4) return load<u8>(PACKED + group + 4) & 63;
  return (load<u8>(PACKED + group + 4) >> 4) | ((load<u8>(PACKED + group) >> 6) << 4);
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
