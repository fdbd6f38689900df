// Q4_0, Q4_1, Q5_0 and Q5_1 with an importance matrix: blocks of 32 numbers (ggml-quants.c, `quantize_row_q4_0_impl` and those after it,
// llama-cpp-python 0.3.36).
import { BEST, take, weighByColumnAndSize } from "./groups";
import { gather, halfBits, isFiniteHalf } from "./lanes";
import { fitOffsets } from "./offset-fit";
import { fitScales } from "./signed-fit";

const GROUP: i32 = 32;
/** Of four blocks. */
const SCALES = memory.data(4 * 4, 16);
const OFFSETS = memory.data(4 * 4, 16);
const LEVELS = memory.data(4 * 32);

/**
 * `count` blocks of a row, at most four: scale, offset where there is one, fifth bits where there are some, the low four bits.
 * @param square The mean square of the row.
 * @param bits Of a level.
 * @return How many blocks were made, up to the first whose scale or offset binary16 cannot say.
 */
export function smallBlocks(
  from: usize,
  columns: usize,
  to: usize,
  count: i32,
  square: f32,
  bits: i32,
  hasOffset: bool,
): i32 {
  if (!take(from, GROUP)) return 0;
  weighByColumnAndSize(columns, GROUP, square);
  if (hasOffset) fitOffsets(GROUP, (1 << bits) - 1, -0.9, 0.05, 36, false, SCALES, OFFSETS);
  else fitScales(GROUP, 1 << (bits - 1), SCALES);
  gather(BEST, GROUP, LEVELS);
  let place = to;
  for (let block = 0; block < count; block++) {
    const scale = halfBits(load<f32>(SCALES + 4 * <usize>block));
    if (!isFiniteHalf(scale)) return block;
    store<u16>(place, <u16>scale);
    place += 2;
    if (hasOffset) {
      const least = halfBits(-load<f32>(OFFSETS + 4 * <usize>block));
      if (!isFiniteHalf(least)) return block;
      store<u16>(place, <u16>least);
      place += 2;
    }
    const levels = LEVELS + 32 * <usize>block;
    if (bits == 5) {
      let fifths: u32 = 0;
      for (let index = 0; index < GROUP; index++)
        fifths |= ((<u32>load<u8>(levels + <usize>index)) >> 4) << index;
      store<u32>(place, fifths);
      place += 4;
    }
    for (let index: usize = 0; index < 16; index++) {
      const low = (<u32>load<u8>(levels + index)) & 15;
      const high = (<u32>load<u8>(levels + index + 16)) & 15;
      store<u8>(place + index, <u8>(low | (high << 4)));
    }
    place += 16;
  }
  return count;
}
