import { expect, test } from "vitest";
import { addChunk, noDifference } from "../../src/verify/compare/compare-values.ts";
import { compareLogits, maxDifference, maxMagnitude } from "../../src/verify/compare/metrics.ts";
import { largest } from "../../src/verify/compare/run-model.ts";

const bytesOf = (values: readonly number[]): Uint8Array =>
  new Uint8Array(Float32Array.from(values).buffer);

/** 1 and 1 + 2⁻¹² differ as rounding to float16 explains; the first element does not. */
const REFERENCE = [1, 1, 1];
const DAMAGED = [Number.NaN, 1 + 2 ** -12, 1];

test("a NaN that is followed by small differences is not hidden by them, tensor against tensor", () => {
  const total = noDifference();
  addChunk(total, bytesOf(DAMAGED), "F32", Uint8Array.of(0, 0x3c, 0, 0x3c, 0, 0x3c), "F16");
  expect([total.maxAbs, total.maxRel, total.beyondRounding]).toEqual([
    Number.NaN,
    Number.NaN,
    Number.NaN,
  ]);
});

test("a NaN in the first of several rows of logits makes the whole prompt's difference NaN", () => {
  const [ours, reference] = [DAMAGED, REFERENCE].map((row) =>
    Float32Array.from([...row, 1, 2, 4.5]),
  );
  const metrics = compareLogits(
    "prompt.0",
    ours ?? new Float32Array(0),
    reference ?? new Float32Array(0),
    [0, 1],
    1e-3,
  );
  expect([metrics.maxAbs, metrics.wouldPassWith]).toEqual([Number.NaN, null]);
  expect(metrics.worst).toMatchObject({ position: 0, token: 0 });
});

test("the largest of numbers is NaN where one of them is, wherever it stands", () => {
  for (const values of [
    [Number.NaN, 1, 2],
    [1, Number.NaN, 2],
    [1, 2, Number.NaN],
  ]) {
    expect(largest(values)).toBeNaN();
    expect(maxMagnitude(Float32Array.from(values))).toBeNaN();
    expect(maxDifference(Float32Array.from(values), new Float32Array(3))).toBeNaN();
  }
});
