// Q3_K: groups of 16 numbers as levels of -4 to 3, with a scale each (ggml-quants.c, `quantize_row_q3_K_ref` and
// `quantize_row_q3_K_impl`, llama-cpp-python 0.3.36).
import {
  BEST,
  meanSquare,
  NUMBERS,
  sumWeights,
  take,
  weighByColumnAndSize,
  WEIGHTS,
} from "./groups";
import { gather, halfBits, halfValue, isFiniteHalf, nearestOf } from "./lanes";
import { writePairs } from "./pairs";
import { refine } from "./refined-fit";
import { fitScales } from "./signed-fit";

const GROUP: i32 = 16;
/** Of the sixteen groups. */
const SCALES = memory.data(4 * 16, 16);
const SUMS = memory.data(4 * 16, 16);
const STEPS = memory.data(16);
const LEVELS = memory.data(256);
const SHARED = memory.data(16, 16);

/** A super-block: third bits, two bits, sixteen scales of six bits, the scale of them. Says whether binary16 could say it. */
export function fineBlock(from: usize, to: usize): bool {
  for (let group: usize = 0; group < 16; group++) {
    const own = from + 64 * group;
    if (group % 4 == 0 && !take(own, GROUP)) return false;
    store<f32>(SCALES + 4 * group, refine(GROUP, 4, own, LEVELS + 16 * group));
  }
  if (hasNaN()) return false;
  return write(from, to, sixBits());
}

/** The same by an importance matrix, of which `columns` has the super-block's. */
export function weightedFineBlock(from: usize, columns: usize, to: usize): bool {
  const square = meanSquare(from, 2);
  for (let group: usize = 0; group < 16; group += 4) {
    if (!take(from + 64 * group, GROUP)) return false;
    weighByColumnAndSize(columns + 64 * group, GROUP, square);
    sumWeights(GROUP, SUMS + 4 * group);
    fitScales(GROUP, 4, SCALES + 4 * group);
    gather(BEST, GROUP, LEVELS + 16 * group);
  }
  if (hasNaN()) return false;
  return write(from, to, fitShared());
}

/** Of numbers whose weighted squares are infinite; llama.cpp would go on, and might write zeros. */
function hasNaN(): bool {
  for (let group: usize = 0; group < 16; group++) {
    const own = load<f32>(SCALES + 4 * group);
    if (own != own) return true;
  }
  return false;
}

/** The groups' scales in six bits each, the largest as the lowest. Gives their step. */
function sixBits(): f32 {
  let most: f32 = 0;
  let extreme: f32 = 0;
  for (let group: usize = 0; group < 16; group++) {
    const own = load<f32>(SCALES + 4 * group);
    if (abs(own) <= most) continue;
    most = abs(own);
    extreme = own;
  }
  memory.fill(STEPS, 0, 16);
  if (extreme == 0) return 0;
  const inverse: f32 = <f32>-32 / extreme;
  for (let group: usize = 0; group < 16; group++) {
    const own = <i32>(<i8>nearestOf(inverse * load<f32>(SCALES + 4 * group)));
    store<u8>(STEPS + group, <u8>(max(-32, min(31, own)) + 32));
  }
  return <f32>1 / inverse;
}

function write(from: usize, to: usize, step: f32): bool {
  const scale = halfBits(step);
  if (!isFiniteHalf(scale)) return false;
  store<u16>(to, <u16>scale, 108);
  memory.fill(to + 96, 0, 12);
  for (let group: usize = 0; group < 16; group++) {
    const own = <u32>load<u8>(STEPS + group);
    pack(to + 96, group, own);
    relevel(from + 64 * group, halfValue(scale) * <f32>(<i32>own - 32), LEVELS + 16 * group);
  }
  writeThirds(to);
  writePairs(LEVELS, to + 32);
  return true;
}

/** The groups' scales as whole numbers of a shared one, by what each group weighs. */
function fitShared(): f32 {
  for (let group: usize = 0; group < 16; group++) {
    v128.store(NUMBERS + 16 * group, f32x4.splat(load<f32>(SCALES + 4 * group)));
    v128.store(WEIGHTS + 16 * group, f32x4.splat(load<f32>(SUMS + 4 * group)));
  }
  fitScales(GROUP, 32, SHARED);
  for (let group: usize = 0; group < 16; group++)
    store<u8>(STEPS + group, <u8>(<i32>load<f32>(BEST + 16 * group)));
  return load<f32>(SHARED);
}

/** Four low bits, two groups to a byte, and two high ones, four groups to a byte. */
function pack(to: usize, group: usize, scale: u32): void {
  const low = to + (group & 7);
  store<u8>(low, <u8>(load<u8>(low) | ((scale & 15) << (group < 8 ? 0 : 4))));
  const high = to + 8 + (group & 3);
  const shift = 2 * <u32>(group / 4);
  store<u8>(high, <u8>(load<u8>(high) | ((scale >> 4) << shift)));
}

/** The levels again, by the scale as it is stored. */
function relevel(from: usize, scale: f32, to: usize): void {
  if (scale == 0) return;
  for (let index: usize = 0; index < 16; index++) {
    const level = nearestOf(load<f32>(from + 4 * index) / scale);
    store<u8>(to + index, <u8>(max(-4, min(3, level)) + 4));
  }
}

/** Bit `part` of a byte is the third bit of one number of 32. */
function writeThirds(to: usize): void {
  memory.fill(to, 0, 32);
  for (let part: usize = 0; part < 8; part++)
    for (let index: usize = 0; index < 32; index++) {
      const third = load<u8>(LEVELS + 32 * part + index) >> 2;
      store<u8>(to + index, load<u8>(to + index) | (third << (<u8>part)));
    }
}
