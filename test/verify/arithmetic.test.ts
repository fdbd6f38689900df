import { describe, expect, test } from "vitest";
import { arithmeticOf, coarserCompute } from "../../src/verify/golden/arithmetic.ts";
import type { Golden } from "../../src/verify/golden/read.ts";

function golden(values: (index: number) => number, dtype?: string, count = 64): Golden {
  return {
    path: "golden.safetensors",
    vocabSize: count,
    metadata: new Map(dtype === undefined ? [] : [["dtype", dtype]]),
    prompts: [
      {
        name: "prompt.0",
        ids: [1],
        positions: [0],
        logits: Float32Array.from({ length: count }, (_unused, index) => values(index)),
        exactLogits: undefined,
        hiddenStates: [],
        greedyIds: undefined,
        penalizedIds: new Map(),
      },
    ],
  };
}

const fine = (index: number): number => Math.sin(index + 1);
const ofBf16 = (index: number): number => (128 + (index % 128)) / 128;
const ofF16 = (index: number): number => (1024 + 13 * index) / 1024;

describe("what a golden was computed in", () => {
  test.each([
    ["values that need float32", golden(fine), "f32"],
    ["values that need float32, stamped float32", golden(fine, "float32"), "f32"],
    ["a stamp of bfloat16", golden(fine, "bfloat16"), "bf16"],
    ["a stamp of torch.float16", golden(fine, "torch.float16"), "f16"],
    ["bfloat16's grid without a stamp", golden(ofBf16), "bf16"],
    ["bfloat16's grid under a stamp of float32", golden(ofBf16, "float32"), "bf16"],
    ["float16's grid under a stamp of float32", golden(ofF16, "float32"), "f16"],
    ["few values, which are on any grid", golden(ofBf16, "float32", 8), "f32"],
    ["one value throughout", golden(() => 0.5, "float32"), "f32"],
  ] as const)("%s", (_name, given, expected) => {
    expect(arithmeticOf(given).compute).toBe(expected);
  });

  test("a stamp that the values contradict is told", () => {
    expect(arithmeticOf(golden(ofBf16, "float32")).why).toBe(
      "every value of the golden is a bfloat16, though it says float32",
    );
  });

  test("the coarser of two keeps less of a number", () => {
    expect(coarserCompute("f32", "f16")).toBe("f16");
    expect(coarserCompute("bf16", "f16")).toBe("bf16");
  });
});
