import { describe, expect, it } from "vitest";
import { gridOf } from "../../../src/verify/diagnose/values/number-grid.ts";

/** Values as training leaves them, about 0.1. */
function drawn(count: number): Float32Array {
  let state = 7;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state / 2 ** 32 - 0.5) * 0.2;
  });
}

/** Each row by a scale of its own. */
function rounded(data: Float32Array, levels: number): Float32Array {
  const result = data.slice();
  for (let begin = 0; begin < data.length; begin += 64) {
    const row = result.subarray(begin, begin + 64);
    const unit = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / levels;
    for (const [index, value] of row.entries()) row[index] = Math.round(value / unit) * unit;
  }
  return result;
}

const tensor = (data: Float32Array): { shape: readonly number[]; data: Float32Array } => ({
  shape: [48, 64],
  data,
});

describe("the format whose values a tensor has", () => {
  it("is told where all were rounded through it", () => {
    expect(gridOf(tensor(rounded(drawn(48 * 64), 7)), "F32")).toBe("int4");
    expect(gridOf(tensor(rounded(drawn(48 * 64), 127)), "F32")).toBe("int8");
  });

  it("is none where the last row alone has finer values", () => {
    const data = rounded(drawn(48 * 64), 127);
    expect(gridOf(tensor(data), "F32")).toBe("int8");
    data.set(drawn(64), 47 * 64);
    expect(gridOf(tensor(data), "F32")).toBeUndefined();
  });

  it("is told where each row was divided another way", () => {
    const data = rounded(drawn(48 * 64), 127);
    // Every other row has 128 as its last level.
    const others = rounded(drawn(48 * 64), 128);
    for (let row = 0; row < 48; row += 2)
      data.set(others.subarray(row * 64, (row + 1) * 64), row * 64);
    expect(gridOf(tensor(data), "F32")).toBe("int8");
  });

  it.each([448, 416])(
    "is an 8-bit float, whatever the largest value of the tensor (%d)",
    (largest) => {
      // Three bits behind the leading one.
      const data = drawn(48 * 64).map((value) => {
        const step = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 3);
        return Math.trunc(value / step) * step;
      });
      data[5] = largest / 4096;
      expect(gridOf(tensor(data), "BF16")).toBe("8-bit float");
    },
  );

  it.each([32_768, 1e6, -1e9])("is none where one element is %d times what it was", (factor) => {
    const data = drawn(48 * 64);
    data[777] = (data[777] ?? 0) * factor;
    expect(gridOf(tensor(data), "F32")).toBeUndefined();
  });
});
