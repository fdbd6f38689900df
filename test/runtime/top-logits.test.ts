import fc from "fast-check";
import { expect, test } from "vitest";
import { topLogits } from "../../src/runtime/top-logits.ts";

test("the largest logits come first, and of equal ones the lower id", () => {
  expect(topLogits(Float32Array.of(1, 3, 2, 3), 3)).toEqual({ ids: [1, 3, 2], logits: [3, 3, 2] });
});

test("they are what sorting all of them gives", () => {
  const values = fc.float32Array({ noNaN: true, noDefaultInfinity: true, maxLength: 40 });
  fc.assert(
    fc.property(values, fc.nat(50), (logits, count) => {
      const ids = [...logits.keys()].sort(
        (left, right) => (logits[right] ?? 0) - (logits[left] ?? 0) || left - right,
      );
      expect(topLogits(logits, count).ids).toEqual(ids.slice(0, count));
    }),
  );
});
