// Q6_K: groups of 16 numbers as levels of -32 to 31, with a scale each (ggml-quants.c, `quantize_row_q6_K_ref` and `quantize_row_q6_K_impl`,
// llama-cpp-python 0.3.36).
import { BEST, take, weighByColumn, weighBySquare } from "./groups";
import { gather, halfBits, halfValue, isFiniteHalf, nearestOf } from "./lanes";
import { EPSILON, fitScales } from "./signed-fit";

const GROUP: i32 = 16;
const SCALES = memory.data(4 * 16, 16);
const LEVELS = memory.data(256);

/**
 * A super-block: low four bits, high two bits, sixteen scales of eight bits, the scale of them.
 * @param columns What the importance matrix has for its columns; 0 without one.
 * @return Whether binary16 could say the scale.
 */
export function signedBlock(from: usize, columns: usize, to: usize): bool {
  let most: f32 = 0;
  let extreme: f32 = 0;
  for (let group: usize = 0; group < 16; group += 4) {
    if (!take(from + 64 * group, GROUP)) return false;
    if (columns == 0) weighBySquare(GROUP);
    else weighByColumn(columns + 64 * group, GROUP);
    fitScales(GROUP, 32, SCALES + 4 * group);
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
