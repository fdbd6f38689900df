import { f32BitsToBf16, f32BitsToF16 } from "../../tensor/float-bits.ts";
import type { Recipe } from "./recipe.ts";

/** Values as a dtype has them, rounded to nearest even; the memory of `values` itself where that is float32. */
export function storedValues(values: Float32Array, dtype: Recipe["dtype"]): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  if (dtype === "F32") return bytes;
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  if (dtype === "F16")
    for (let at = 0; at < halves.length; at++) halves[at] = f32BitsToF16(bits[at] ?? 0);
  else for (let at = 0; at < halves.length; at++) halves[at] = f32BitsToBf16(bits[at] ?? 0);
  return new Uint8Array(halves.buffer);
}
