import { describe, expect, test } from "vitest";
import type { DiffClass, TensorDiff } from "../../src/verify/compare/diff-checkpoints.ts";
import { ownCast } from "../../src/verify/own-cast.ts";
import type { Dtype } from "../../src/tensor/dtype.ts";

function diff(kind: DiffClass, ...dtypes: readonly Dtype[]): TensorDiff {
  const measured = { maxAbs: 0, maxRel: 0, ulp: 0, firstIndex: null, differing: 0, shape: [2] };
  return { name: "w", class: kind, dtypes, ...measured };
}

describe("what a checkpoint was cast to", () => {
  test.each([
    ["float16", [diff("withinTolerance", "F16", "F32"), diff("equalValues", "F16", "F32")], "f16"],
    ["bfloat16 from float16", [diff("withinTolerance", "F16", "BF16")], "bf16"],
    [
      "the coarser of two",
      [diff("withinTolerance", "BF16", "F32"), diff("withinTolerance", "F16", "F32")],
      "bf16",
    ],
    ["nothing", [diff("identical", "F32"), diff("equalValues", "F32", "F16")], undefined],
    ["other weights", [diff("withinTolerance", "F16", "F32"), diff("differ", "F16")], undefined],
    ["a part", [diff("withinTolerance", "F16", "F32"), diff("onlyRight", "F16")], undefined],
    ["no half dtype", [diff("withinTolerance", "F32", "F64")], undefined],
  ] as const)("is %s", (_what, diffs, expected) => {
    expect(ownCast(diffs)).toBe(expected);
  });
});
