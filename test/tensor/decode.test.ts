import { describe, expect, test } from "vitest";
import { decodeFloats, decodeValues } from "../../src/tensor/decode.ts";
import { DTYPES, isDtype } from "../../src/tensor/dtype.ts";

/** Bytes of every pattern of their last two, so that NaN, infinities and subnormal numbers are among them. */
const BYTES = Uint8Array.from({ length: 4096 * 4 }, (_unused, index) => {
  const word = Math.floor(index / 4);
  // 16 patterns a step of the exponent.
  return index % 4 === 3 ? word >>> 4 : index % 4 === 2 ? (word & 15) * 17 : (word * 31) & 0xff;
});

const NUMBERS = Object.keys(DTYPES)
  .filter(isDtype)
  .filter((dtype) => decodeValues(BYTES.slice(), dtype) !== undefined);

describe("elements as float32", () => {
  test.each(NUMBERS)("%s: the values, rounded", (dtype) => {
    const values = decodeValues(BYTES.slice(), dtype) ?? [];
    const floats = decodeFloats(BYTES.slice(), dtype);
    expect(floats).toEqual(new Float32Array(values));
  });

  test("of float32 there is no copy", () => {
    const bytes = new Uint8Array(new Float32Array([1, 2, 3]).buffer);
    expect(decodeFloats(bytes, "F32")?.buffer).toBe(bytes.buffer);
  });

  test("what has no numbers has none", () => {
    expect(decodeFloats(new Uint8Array(4), "F8_E8M0")).toBeUndefined();
  });
});
