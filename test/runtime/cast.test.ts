import { describe, expect, test } from "vitest";
import {
  checkWeightDtype,
  toFloat32,
  toFloat32Transposed,
} from "../../src/runtime/backends/cast.ts";
import { bf16ToF32Bits, f16ToF32Bits } from "../../src/tensor/float-bits.ts";
import { caught } from "../support/caught.ts";

const ALL_PATTERNS = Uint16Array.from({ length: 65536 }, (_, pattern) => pattern);

/** Bits of an array that may be anywhere. */
function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

describe("casting weights to float32", () => {
  test("is exact for all 65,536 patterns of bfloat16", () => {
    const cast = toFloat32(new Uint8Array(ALL_PATTERNS.buffer), "BF16");
    expect(bitsOf(cast)).toEqual(Uint32Array.from(ALL_PATTERNS, bf16ToF32Bits));
  });

  test("is exact for all 65,536 patterns of float16; NaNs stay NaN", () => {
    const cast = toFloat32(new Uint8Array(ALL_PATTERNS.buffer), "F16");
    const expected = new Float32Array(Uint32Array.from(ALL_PATTERNS, f16ToF32Bits).buffer);
    expect(cast).toEqual(expected);
  });

  test("rounds float64", () => {
    const bytes = new Uint8Array(Float64Array.of(0.1, -1e300, 3).buffer);
    expect([...toFloat32(bytes, "F64")]).toEqual([Math.fround(0.1), Number.NEGATIVE_INFINITY, 3]);
  });

  test("does not need the bytes to be aligned", () => {
    const bytes = new Uint8Array(9);
    bytes.set(new Uint8Array(Float32Array.of(1.5, -2).buffer), 1);
    expect([...toFloat32(bytes.subarray(1), "F32")]).toEqual([1.5, -2]);
  });

  test.each([
    [1, 1],
    [64, 3],
    [65, 130],
    [3, 200],
  ])("transposes [%i, %i] that is stored as [in, out]", (rows, columns) => {
    const stored = Float32Array.from({ length: rows * columns }, (_, index) => index);
    const transposed = toFloat32Transposed(new Uint8Array(stored.buffer), "F32", rows, columns);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        expect(transposed[row * columns + column]).toBe(stored[column * rows + row]);
      }
    }
  });

  test("refuses dtypes that have no meaning in a forward pass", async () => {
    const error = await caught(() => checkWeightDtype("F8_E4M3", "lm_head.weight"));
    expect(error.code).toBe("WB4780");
    expect(error.message).toMatchInlineSnapshot(
      `"lm_head.weight: expected a weight of dtype F16, BF16, F32 or F64, found F8_E4M3"`,
    );
  });
});
