import {
  bf16ToF32Bits,
  f16ToF32Bits,
  f32Bits,
  f32BitsToBf16,
  f32BitsToF16,
} from "../../tensor/float-bits.ts";
import type { Dtype } from "../../tensor/dtype.ts";

/** What a cast lost, over all elements. */
export interface CastCounts {
  /** Finite values that became infinite. */
  overflow: number;
  /** Values other than 0 that became 0. */
  underflow: number;
}

type FloatSource = "F16" | "BF16" | "F32" | "F64";
type FloatTarget = "F16" | "BF16" | "F32";

export function isCastSource(dtype: Dtype): dtype is FloatSource {
  return dtype === "F16" || dtype === "BF16" || dtype === "F32" || dtype === "F64";
}

export function isCastTarget(dtype: Dtype): dtype is FloatTarget {
  return dtype === "F16" || dtype === "BF16" || dtype === "F32";
}

const EXPONENT = 0x7f800000;
const MAGNITUDE = 0x7fffffff;

/** All 65,536 patterns of a 16-bit float as float32 bits. */
function wideTable(widen: (half: number) => number): Uint32Array {
  return Uint32Array.from({ length: 65_536 }, (_unused, half) => widen(half));
}

let tables: Readonly<Record<"F16" | "BF16", Uint32Array>> | undefined;

function wideTables(): Readonly<Record<"F16" | "BF16", Uint32Array>> {
  tables ??= { F16: wideTable(f16ToF32Bits), BF16: wideTable(bf16ToF32Bits) };
  return tables;
}

/** Rounds one float32 pattern to a narrower format and counts what is lost. */
function narrow(pattern: number, to: "F16" | "BF16", counts: CastCounts): number {
  const half = to === "F16" ? f32BitsToF16(pattern) : f32BitsToBf16(pattern);
  const isFinite = (pattern & EXPONENT) !== EXPONENT;
  const infinity = to === "F16" ? 0x7c00 : 0x7f80;
  if (isFinite && (half & 0x7fff) === infinity) counts.overflow++;
  if ((pattern & MAGNITUDE) !== 0 && (half & 0x7fff) === 0) counts.underflow++;
  return half;
}

/**
 * The nearest float32 to a float64 so that a second rounding to 16 bits gives what one rounding would: round to odd
 * (Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums", 2008).
 */
function roundToOdd(value: number): number {
  const nearest = f32Bits(value);
  const back = Math.fround(value);
  if (back === value || !Number.isFinite(value) || !Number.isFinite(back)) return nearest;
  if ((nearest & 1) === 1) return nearest;
  // The other neighbour is odd: one step towards the value that was rounded away from.
  return Math.abs(back) > Math.abs(value) ? nearest - 1 : nearest + 1;
}

/**
 * Casts whole elements from one float format to another, nearest even; NaN stays NaN.
 * @param source Little-endian elements; its offset a multiple of their width.
 * @param target As many elements of the other width.
 */
export function castFloats(
  source: Uint8Array,
  from: FloatSource,
  target: Uint8Array,
  to: FloatTarget,
  counts: CastCounts,
): void {
  const bitsOf = f32Reader(source, from, to);
  if (to === "F32") {
    const out = new Uint32Array(target.buffer, target.byteOffset, target.byteLength / 4);
    const doubles =
      from === "F64" ? new Float64Array(source.buffer, source.byteOffset, out.length) : undefined;
    for (let index = 0; index < out.length; index++) {
      const pattern = bitsOf(index);
      out[index] = pattern;
      if (doubles !== undefined) countWide(doubles[index] ?? 0, pattern, counts);
    }
    return;
  }
  const out = new Uint16Array(target.buffer, target.byteOffset, target.byteLength / 2);
  for (let index = 0; index < out.length; index++) out[index] = narrow(bitsOf(index), to, counts);
}

/** Reads elements as float32 bits. */
function f32Reader(
  source: Uint8Array,
  from: FloatSource,
  to: FloatTarget,
): (index: number) => number {
  const { buffer, byteOffset, byteLength } = source;
  switch (from) {
    case "F16":
    case "BF16": {
      const halves = new Uint16Array(buffer, byteOffset, byteLength / 2);
      const table = wideTables()[from];
      return (index) => table[halves[index] ?? 0] ?? 0;
    }
    case "F32": {
      const words = new Uint32Array(buffer, byteOffset, byteLength / 4);
      return (index) => words[index] ?? 0;
    }
    case "F64": {
      const doubles = new Float64Array(buffer, byteOffset, byteLength / 8);
      return to === "F32"
        ? (index) => f32Bits(doubles[index] ?? 0)
        : (index) => roundToOdd(doubles[index] ?? 0);
    }
    default:
      return from satisfies never;
  }
}

function countWide(value: number, pattern: number, counts: CastCounts): void {
  if (Number.isFinite(value) && (pattern & MAGNITUDE) === EXPONENT) counts.overflow++;
  if (value !== 0 && (pattern & MAGNITUDE) === 0) counts.underflow++;
}
