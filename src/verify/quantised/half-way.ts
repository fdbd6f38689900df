import {
  bf16ToF32Bits,
  f16ToF32Bits,
  f32BitsToBf16,
  f32BitsToF16,
} from "../../tensor/float-bits.ts";

export type HalfDtype = "F16" | "BF16";

/** As the original is, or rounded to a half dtype first. */
export type Way = HalfDtype | undefined;

/** Numbers as they are, and as a file between the original and its quantisation may have had them. */
export const HALF_WAYS: readonly Way[] = [undefined, "F16", "BF16"];

/** Numbers rounded to a half dtype and back, as they are in a file between the original and its quantisation. */
export function roundedThrough(values: Float32Array, dtype: HalfDtype): Float32Array {
  const rounded = values.slice();
  const bits = new Uint32Array(rounded.buffer);
  for (const [index, pattern] of bits.entries())
    bits[index] =
      dtype === "F16" ? f16ToF32Bits(f32BitsToF16(pattern)) : bf16ToF32Bits(f32BitsToBf16(pattern));
  return rounded;
}
