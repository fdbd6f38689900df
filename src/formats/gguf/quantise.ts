import { WbError } from "../../errors/wb-error.ts";
import { f32Bits, f32BitsToF16 } from "../../tensor/float-bits.ts";
import { shownName } from "../../tensor/shown-name.ts";

/** Types that are written, and their numbers in the file (ggml.h, `enum ggml_type`). */
export const QUANTISED_TYPES = {
  Q8_0: { code: 8, bytes: 34, quantise: quantiseQ8 },
  Q4_0: { code: 2, bytes: 18, quantise: quantiseQ4 },
} as const;

export type QuantisedType = keyof typeof QUANTISED_TYPES;

/** Elements of a block. */
export const BLOCK = 32;

/** Bytes of so many elements, a multiple of a block's. */
export function quantisedBytes(type: QuantisedType, elements: number): number {
  return (elements / BLOCK) * QUANTISED_TYPES[type].bytes;
}

/**
 * The blocks of whole numbers of 32, as gguf-py's `quantize` and llama.cpp's reference make them (gguf-py 0.19.0, quants.py, `Q8_0` and
 * `Q4_0`; ggml-quants.c, `quantize_row_q8_0_ref`), in float32, rounded after each operation.
 * @throws WbError WB4513 for numbers that are not finite, or beyond what a binary16 scale can say.
 */
export function quantise(values: Float32Array, type: QuantisedType, tensor: string): Uint8Array {
  const { bytes, quantise: run } = QUANTISED_TYPES[type];
  const out = new Uint8Array(quantisedBytes(type, values.length));
  const view = new DataView(out.buffer);
  for (let block = 0; block * BLOCK < values.length; block++) {
    const scale = run(values, block * BLOCK, view, block * bytes);
    const half = f32BitsToF16(f32Bits(scale));
    // Exponents of ones alone are infinity and NaN.
    if ((half & 0x7c00) === 0x7c00)
      throw new WbError(
        "WB4513",
        `tensor ${shownName(tensor)}: numbers ${block * BLOCK} to ${block * BLOCK + BLOCK - 1} of a part are not finite or too large for ${type}'s scale of binary16`,
        { details: { tensor, type } },
      );
    view.setUint16(block * bytes, half, true);
  }
  return out;
}

/** Whole numbers of -127 to 127, nearest, halves away from 0. Gives the scale. */
function quantiseQ8(values: Float32Array, begin: number, out: DataView, at: number): number {
  let most = 0;
  for (let index = begin; index < begin + BLOCK; index++) {
    const size = Math.abs(values[index] ?? Number.NaN);
    if (!Number.isFinite(size)) return Number.NaN;
    if (size > most) most = size;
  }
  const scale = Math.fround(most / 127);
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
  for (let index = 0; index < BLOCK; index++) {
    const level = Math.fround((values[begin + index] ?? 0) * inverse);
    const size = Math.abs(level);
    const floor = Math.floor(size);
    const rounded = floor + Math.floor(2 * (size - floor));
    out.setInt8(at + 2 + index, level < 0 ? -rounded : rounded);
  }
  return scale;
}

/** Levels of 0 to 15 for -8 to 7; the number of the largest size is -8 or, with a negative scale, its own. Gives the scale. */
function quantiseQ4(values: Float32Array, begin: number, out: DataView, at: number): number {
  let most = 0;
  let extreme = 0;
  for (let index = begin; index < begin + BLOCK; index++) {
    const value = values[index] ?? Number.NaN;
    const size = Math.abs(value);
    if (!Number.isFinite(size)) return Number.NaN;
    if (size <= most) continue;
    most = size;
    extreme = value;
  }
  const scale = Math.fround(extreme / -8);
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
  for (let index = 0; index < BLOCK / 2; index++) {
    const low = levelQ4(values[begin + index] ?? 0, inverse);
    const high = levelQ4(values[begin + BLOCK / 2 + index] ?? 0, inverse);
    out.setUint8(at + 2 + index, low | (high << 4));
  }
  return scale;
}

function levelQ4(value: number, inverse: number): number {
  return Math.min(15, Math.trunc(Math.fround(Math.fround(value * inverse) + 8.5)));
}
