/** Conversions between float formats by bit pattern; every function is exact or rounds to nearest, ties to even. */

const floats = new Float32Array(1);
const bits = new Uint32Array(floats.buffer);

/** The 32 bits of a float32 value. */
export function f32Bits(value: number): number {
  floats[0] = value;
  return bits[0] ?? 0;
}

/** bfloat16 bits (upper half of a float32) to float32 bits; exact, NaN payloads included. */
export function bf16ToF32Bits(half: number): number {
  return (half << 16) >>> 0;
}

/** IEEE binary16 bits to float32 bits; exact, NaN payloads (and their quiet bit) kept in the top of the mantissa. */
export function f16ToF32Bits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0x1f) return (sign | 0x7f800000 | (mantissa << 13)) >>> 0;
  if (exponent !== 0) return (sign | ((exponent + 112) << 23) | (mantissa << 13)) >>> 0;
  if (mantissa === 0) return sign >>> 0;
  // Denormal: value = mantissa · 2^−24; move the leading one to bit 10 and lower the exponent for each step.
  const shift = Math.clz32(mantissa) - 21;
  return (sign | ((113 - shift) << 23) | (((mantissa << shift) & 0x3ff) << 13)) >>> 0;
}

/** float32 bits to bfloat16 bits, nearest even; a NaN stays a NaN (its top payload bits kept, made quiet if none is left). */
export function f32BitsToBf16(pattern: number): number {
  if ((pattern & 0x7fffffff) > 0x7f800000) {
    const top = pattern >>> 16;
    return (top & 0x7f) === 0 ? top | 0x40 : top;
  }
  return ((pattern + 0x7fff + ((pattern >>> 16) & 1)) >>> 16) & 0xffff;
}

/** float32 bits to binary16 bits, nearest even; overflow gives infinity, NaN stays NaN as in `f32BitsToBf16`. */
export function f32BitsToF16(pattern: number): number {
  const sign = (pattern >>> 16) & 0x8000;
  const magnitude = pattern & 0x7fffffff;
  if (magnitude > 0x7f800000) {
    const payload = (magnitude >>> 13) & 0x3ff;
    return sign | 0x7c00 | (payload === 0 ? 0x200 : payload);
  }
  if (magnitude >= 0x47800000) return sign | 0x7c00; // ≥ 2^16, infinity included
  if (magnitude >= 0x38800000) {
    // Normal in f16 (≥ 2^−14): rebias by 112 and round the 13 lost bits; a carry may reach infinity, rightly (≥ 65520).
    const rebased = magnitude - 0x38000000;
    return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
  }
  if (magnitude < 0x33000000) return sign; // < 2^−25 rounds to zero
  // Denormal in f16: mantissa with its implicit one, shifted to units of 2^−24.
  const shift = 126 - (magnitude >>> 23);
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const quotient = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (quotient + (rest > half || (rest === half && (quotient & 1) === 1) ? 1 : 0));
}
