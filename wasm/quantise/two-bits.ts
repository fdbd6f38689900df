// Q2_K: groups of 16 numbers as levels of 0 to 3, with a scale and an offset each (ggml-quants.c, `quantize_row_q2_K_ref`
// and `quantize_row_q2_K_impl`, llama-cpp-python 0.3.36).
import { BEST, meanSquare, sumWeights, take, weighByColumnAndSize, weighBySize } from "./groups";
import { gather, halfBits, halfValue, isFiniteHalf, nearestOf } from "./lanes";
import { fitOffsets } from "./offset-fit";
import { fitSteps } from "./positive-fit";
import { writePairs } from "./pairs";

const GROUP: i32 = 16;
/** Of the sixteen groups. */
const SCALES = memory.data(4 * 16, 16);
const OFFSETS = memory.data(4 * 16, 16);
const SUMS = memory.data(4 * 16, 16);
const SCALE_STEPS = memory.data(16);
const OFFSET_STEPS = memory.data(16);
const LEVELS = memory.data(256);

/** A super-block: sixteen times four bits of scale and of offset, levels, scale, offset. Says whether binary16 could say both. */
export function coarseBlock(from: usize, to: usize): bool {
  for (let group: usize = 0; group < 16; group += 4) {
    if (!take(from + 64 * group, GROUP)) return false;
    weighBySize(GROUP);
    const own = 4 * group;
    fitOffsets(GROUP, 3, -0.5, 0.1, 15, true, SCALES + own, OFFSETS + own);
    gather(BEST, GROUP, LEVELS + 16 * group);
  }
  const scale = fourBits(SCALES, SCALE_STEPS);
  return write(from, to, scale, fourBits(OFFSETS, OFFSET_STEPS));
}

/** The same by an importance matrix, of which `columns` has the super-block's. */
export function weightedCoarseBlock(from: usize, columns: usize, to: usize): bool {
  const square = meanSquare(from, 1);
  for (let group: usize = 0; group < 16; group += 4) {
    if (!take(from + 64 * group, GROUP)) return false;
    weighByColumnAndSize(columns + 64 * group, GROUP, square);
    const own = 4 * group;
    sumWeights(GROUP, SUMS + own);
    fitOffsets(GROUP, 3, -0.9, 0.05, 36, false, SCALES + own, OFFSETS + own);
    gather(BEST, GROUP, LEVELS + 16 * group);
  }
  const scale = fitSteps(16, 15, SCALES, SUMS, SCALE_STEPS);
  return write(from, to, scale, fitSteps(16, 15, OFFSETS, SUMS, OFFSET_STEPS));
}

/** The sixteen in four bits each. Gives their step. */
function fourBits(numbers: usize, steps: usize): f32 {
  let most: f32 = 0;
  for (let group: usize = 0; group < 16; group++) {
    const own = load<f32>(numbers + 4 * group);
    if (own > most) most = own;
  }
  const inverse: f32 = most > 0 ? <f32>15 / most : 0;
  for (let group: usize = 0; group < 16; group++)
    store<u8>(steps + group, <u8>nearestOf(inverse * load<f32>(numbers + 4 * group)));
  return most / <f32>15;
}

function write(from: usize, to: usize, step: f32, offsetStep: f32): bool {
  const scale = halfBits(step);
  const offset = halfBits(offsetStep);
  if (!isFiniteHalf(scale) || !isFiniteHalf(offset)) return false;
  store<u16>(to, <u16>scale, 80);
  store<u16>(to, <u16>offset, 82);
  for (let group: usize = 0; group < 16; group++) {
    const packed = load<u8>(SCALE_STEPS + group) | (load<u8>(OFFSET_STEPS + group) << 4);
    store<u8>(to + group, packed);
    const own = halfValue(scale) * <f32>(packed & 15);
    if (own == 0) continue;
    relevel(from + 64 * group, own, halfValue(offset) * <f32>(packed >> 4), LEVELS + 16 * group);
  }
  writePairs(LEVELS, to + 16);
  return true;
}

/** The levels again, by the scale and the offset as they are stored. */
function relevel(from: usize, scale: f32, offset: f32, to: usize): void {
  for (let index: usize = 0; index < 16; index++) {
    const level = nearestOf((load<f32>(from + 4 * index) + offset) / scale);
    store<u8>(to + index, <u8>max(0, min(3, level)));
  }
}
