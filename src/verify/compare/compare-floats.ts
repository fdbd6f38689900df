import { f16ToF32Bits, f32BitsToBf16, f32BitsToF16 } from "../../tensor/float-bits.ts";
import { WIDTH, type FloatPair, type PlainFloat } from "./plain-pair.ts";
import type { Rounding, ValueDifference } from "./value-difference.ts";

/** Elements that are decoded at a time: both sides stay in the processor's cache. */
const PIECE = 8192;

const left = new Float32Array(PIECE);
const right = new Float32Array(PIECE);
const leftBits = new Uint32Array(left.buffer);
const rightBits = new Uint32Array(right.buffer);

/** The bits of each float16 as a float32. */
let halves: Uint32Array | undefined;

export interface FloatFacts {
  /** Index of the first element. */
  readonly base: number;
  /** The coarser of the two dtypes, whose last place counts. */
  readonly coarse: PlainFloat;
}

/**
 * Adds elements of both sides to `total`, as `addChunk` does with any numbers: without a number in the heap for each. A model of 135
 * million parameters is compared in the time that reading it takes.
 */
export function compareFloats(
  total: ValueDifference,
  { a, aDtype, b, bDtype }: FloatPair,
  { base, coarse }: FloatFacts,
  rounding: Rounding,
): void {
  const count = a.byteLength / WIDTH[aDtype];
  for (let begin = 0; begin < count; begin += PIECE) {
    const length = Math.min(PIECE, count - begin);
    decode(a, aDtype, begin, length, leftBits);
    decode(b, bDtype, begin, length, rightBits);
    comparePiece(total, length, base + begin, coarse, rounding);
  }
}

function decode(
  bytes: Uint8Array,
  dtype: PlainFloat,
  begin: number,
  length: number,
  into: Uint32Array,
): void {
  const { buffer, byteOffset } = bytes;
  switch (dtype) {
    case "F32":
      into.set(new Uint32Array(buffer, byteOffset + 4 * begin, length));
      return;
    case "BF16": {
      const patterns = new Uint16Array(buffer, byteOffset + 2 * begin, length);
      for (let index = 0; index < length; index++) into[index] = (patterns[index] ?? 0) << 16;
      return;
    }
    case "F16": {
      const table = (halves ??= Uint32Array.from({ length: 65_536 }, (_unused, pattern) =>
        f16ToF32Bits(pattern),
      ));
      const patterns = new Uint16Array(buffer, byteOffset + 2 * begin, length);
      for (let index = 0; index < length; index++) into[index] = table[patterns[index] ?? 0] ?? 0;
      return;
    }
    default:
      dtype satisfies never;
  }
}

/** Compares the first elements of what was decoded. */
function comparePiece(
  total: ValueDifference,
  length: number,
  base: number,
  coarse: PlainFloat,
  { relative, absolute }: Rounding,
): void {
  let { maxAbs, maxRel, beyondRounding, ulp, differing, firstIndex } = total;
  for (let index = 0; index < length; index++) {
    const x = left[index] ?? 0;
    const y = right[index] ?? 0;
    if (x === y || (x !== x && y !== y)) continue;
    differing++;
    if (firstIndex < 0) firstIndex = base + index;
    const size = Math.abs(y);
    const difference = Math.abs(x - y);
    // Math.max gives NaN when either is: once a NaN was met, no later element hides it.
    maxAbs = Math.max(maxAbs, difference);
    if (y !== 0) maxRel = Math.max(maxRel, difference / size);
    beyondRounding = Math.max(beyondRounding, difference - relative * size - absolute);
    if (x !== x || y !== y) ulp = undefined;
    if (ulp !== undefined) {
      const ours = place(leftBits[index] ?? 0, coarse);
      const theirs = place(rightBits[index] ?? 0, coarse);
      ulp = Math.max(ulp, Math.abs(ours - theirs));
    }
  }
  if (differing > total.differing) total.equalValues = false;
  total.maxAbs = maxAbs;
  total.maxRel = maxRel;
  total.beyondRounding = beyondRounding;
  total.ulp = ulp;
  total.differing = differing;
  total.firstIndex = firstIndex;
}

/** A float32 rounded to a dtype, as a whole number that grows with the value. */
function place(bits: number, dtype: PlainFloat): number {
  const magnitude = bits & 0x7fffffff;
  const sign = bits >>> 31 === 0 ? 1 : -1;
  if (dtype === "F32") return sign * magnitude;
  return sign * (dtype === "BF16" ? f32BitsToBf16(magnitude) : f32BitsToF16(magnitude));
}
