import { describe, expect, test } from "vitest";
import { relate } from "../../../src/verify/relate/relate.ts";
import { codesWithZeroPoints } from "../../../src/verify/relate/zero-point.ts";

const SHAPE = [20, 64];
const RIGHT = Float32Array.from(
  { length: 1280 },
  (_unused, index) => (1 + Math.floor(index / 64) / 10) * Math.sin(index * index + 1),
);

/** The right tensor with every value changed; rows have 64 elements. */
function made(change: (value: number, row: Float32Array) => number) {
  const data = RIGHT.map((value, index) => {
    const begin = index - (index % 64);
    return change(value, RIGHT.subarray(begin, begin + 64));
  });
  return { shape: SHAPE, data };
}

const REFERENCE = { shape: SHAPE, data: RIGHT };
const largest = (row: Float32Array): number => Math.max(...row.map(Math.abs));

describe("codes with a zero point that are read as values", () => {
  test("of one number for all of them", () => {
    const ours = made((value, row) => Math.round((value / largest(row)) * 127) + 128);
    const { cause, text, claim } = relate(ours, REFERENCE, undefined, "F32") ?? {};
    expect(cause).toBe("scaled");
    expect(text).toMatch(
      /^every value is a whole number from \d+ to 255, which is the other side's times one factor for each row, plus 128, and rounded: codes of a quantized tensor without their scales and zero points$/u,
    );
    expect(claim).toEqual({ kind: "codes-with-zero", group: 64, zero: 128 });
  });

  test("of one for each row", () => {
    const ours = made((value, row) => {
      const [least, most] = [Math.min(...row), Math.max(...row) * (1 + largest(row) / 10)];
      return Math.round(((value - least) / (most - least)) * 255);
    });
    expect(codesWithZeroPoints(ours, REFERENCE)?.text).toContain("plus a zero point of its own");
  });

  test("are not seen where one code is another, or nothing was rounded", () => {
    const ours = made((value, row) => Math.round((value / largest(row)) * 127) + 128);
    ours.data[70] = 255 - (ours.data[70] ?? 0);
    expect(codesWithZeroPoints(ours, REFERENCE)).toBeUndefined();
    expect(
      codesWithZeroPoints(
        made((value) => 3 * value + 1),
        REFERENCE,
      ),
    ).toBeUndefined();
  });
});
