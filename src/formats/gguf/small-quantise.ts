import { f32Bits, f32BitsToF16 } from "../../tensor/float-bits.ts";

/** Elements of a small block. */
const BLOCK = 32;
const HALF = BLOCK / 2;

/**
 * Writes whole blocks.
 * @return The number of the first block that the type cannot say; undefined where it says all.
 */
export type QuantiseBlocks = (values: Float32Array, out: Uint8Array) => number | undefined;

/** Writes the block of the numbers from `begin` on at byte `at`, and says whether the type can say them. */
type QuantiseBlock = (values: Float32Array, begin: number, out: DataView, at: number) => boolean;

/** Blocks of 32 numbers in so many bytes, one after another. */
export function smallBlocks(bytes: number, quantise: QuantiseBlock): QuantiseBlocks {
  return (values, out) => {
    const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
    for (let block = 0; block * BLOCK < values.length; block++)
      if (!quantise(values, block * BLOCK, view, block * bytes)) return block;
    return undefined;
  };
}

/** Writes a binary16 number; false for one that is not finite there. */
function writeHalf(value: number, out: DataView, at: number): boolean {
  const half = f32BitsToF16(f32Bits(value));
  out.setUint16(at, half, true);
  // Exponents of ones alone are infinity and NaN.
  return (half & 0x7c00) !== 0x7c00;
}

/** Of the numbers of a block the first that is the largest in size; NaN where one is not finite. */
function extremeOf(values: Float32Array, begin: number): number {
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
  return extreme;
}

const inverseOf = (scale: number): number => (scale === 0 ? 0 : Math.fround(1 / scale));

/** Whole numbers of -127 to 127, nearest, halves away from 0. */
export const quantiseQ8: QuantiseBlock = (values, begin, out, at) => {
  const scale = Math.fround(Math.abs(extremeOf(values, begin)) / 127);
  if (!writeHalf(scale, out, at)) return false;
  const inverse = inverseOf(scale);
  for (let index = 0; index < BLOCK; index++) {
    const level = Math.fround((values[begin + index] ?? 0) * inverse);
    const size = Math.abs(level);
    const floor = Math.floor(size);
    const rounded = floor + Math.floor(2 * (size - floor));
    out.setInt8(at + 2 + index, level < 0 ? -rounded : rounded);
  }
  return true;
};

/**
 * Levels from 0 on about the middle of `2 * middle`; the number of the largest size is the lowest or, with a negative scale, its own.
 * Bits beyond the fourth go to `fifths`, one a number.
 */
function aboutTheMiddle(middle: number, fifths: number | undefined, data: number): QuantiseBlock {
  return (values, begin, out, at) => {
    const scale = Math.fround(extremeOf(values, begin) / -middle);
    if (!writeHalf(scale, out, at)) return false;
    const inverse = inverseOf(scale);
    const levelOf = (index: number): number =>
      Math.min(
        2 * middle - 1,
        Math.trunc(Math.fround(Math.fround((values[begin + index] ?? 0) * inverse) + middle + 0.5)),
      );
    writeLevels(levelOf, out, at + data, fifths === undefined ? undefined : at + fifths);
    return true;
  };
}

/** The first 16 numbers in low nibbles, the others in high ones. */
function writeLevels(
  levelOf: (index: number) => number,
  out: DataView,
  at: number,
  fifths: number | undefined,
): void {
  let bits = 0;
  for (let index = 0; index < HALF; index++) {
    const low = levelOf(index);
    const high = levelOf(HALF + index);
    out.setUint8(at + index, (low & 15) | ((high & 15) << 4));
    bits |= ((low >> 4) << index) | ((high >> 4) << (HALF + index));
  }
  if (fifths !== undefined) out.setUint32(fifths, bits >>> 0, true);
}

export const quantiseQ4: QuantiseBlock = aboutTheMiddle(8, undefined, 2);
export const quantiseQ5: QuantiseBlock = aboutTheMiddle(16, 2, 6);

/**
 * Levels from 0 at the least number to `most` at the greatest. Bits beyond the fourth go to `fifths`, one a number.
 */
function fromTheLeast(most: number, fifths: number | undefined, data: number): QuantiseBlock {
  return (values, begin, out, at) => {
    let least = Number.POSITIVE_INFINITY;
    let greatest = Number.NEGATIVE_INFINITY;
    for (const value of values.subarray(begin, begin + BLOCK)) {
      if (!Number.isFinite(value)) return false;
      if (value < least) least = value;
      if (value > greatest) greatest = value;
    }
    const scale = Math.fround(Math.fround(greatest - least) / most);
    if (!writeHalf(scale, out, at) || !writeHalf(least, out, at + 2)) return false;
    const inverse = inverseOf(scale);
    const levelOf = (index: number): number => {
      const range = Math.fround((values[begin + index] ?? 0) - least);
      return Math.min(most, Math.trunc(Math.fround(Math.fround(range * inverse) + 0.5)));
    };
    writeLevels(levelOf, out, at + data, fifths === undefined ? undefined : at + fifths);
    return true;
  };
}

export const quantiseQ4WithOffset: QuantiseBlock = fromTheLeast(15, undefined, 4);
export const quantiseQ5WithOffset: QuantiseBlock = fromTheLeast(31, 4, 8);
