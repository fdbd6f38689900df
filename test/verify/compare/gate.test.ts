import { describe, expect, test } from "vitest";
import { gateOf, type GateFacts } from "../../../src/verify/compare/tolerance.ts";
import { ShakenCopies, Shaker } from "../../../src/verify/compare/shaken.ts";

const FACTS: GateFacts = {
  compute: "f32",
  layers: 3,
  scale: 8,
  shaken: undefined,
  reordered: undefined,
  referenceError: undefined,
  profile: "default",
};
/** 12 units · √4 · 8. */
const ANALYTIC = 12 * 2 ** -24 * 2 * 8;

describe("the gate on logits", () => {
  test.each([
    ["nothing measured", {}, ANALYTIC],
    ["measurements of exactly 0", { shaken: 0, reordered: 0, referenceError: 0 }, ANALYTIC],
    ["small noise", { shaken: 1e-7, reordered: 1e-7 }, ANALYTIC],
    ["noise of shaken states", { shaken: 1e-3 }, 6e-3],
    ["noise of another order of summation", { reordered: 1e-3 }, 4e-3],
    ["an error of the reference itself", { referenceError: 1e-3 }, 4e-3],
    ["the largest of the three", { shaken: 1e-3, reordered: 1e-2, referenceError: 5e-3 }, 4e-2],
    ["bfloat16", { compute: "bf16" }, 12 * 2 ** -8 * 2 * 8],
    ["float16", { compute: "f16" }, 12 * 2 ** -11 * 2 * 8],
    [
      "bfloat16, where float32's own noise says nothing",
      { compute: "bf16", reordered: 1e3 },
      1.5 * 2 ** -1,
    ],
    ["a quarter of it in the strict profile", { shaken: 1e-3, profile: "strict" }, 1.5e-3],
    ["sixteen times it in the loose one", { shaken: 1e-3, profile: "loose" }, 9.6e-2],
  ] as const)("%s", (_name, change, expected) => {
    expect(gateOf({ ...FACTS, ...change }).maxAbs).toBeCloseTo(expected, 12);
  });

  test("names every measurement that came to something, and no other", () => {
    const text = gateOf({ ...FACTS, shaken: 1e-3, reordered: 0 }).origin.join("\n");
    expect(text).toContain("one rounding unit of float32");
    expect(text).not.toContain("order of summation");
  });
});

describe("shaken copies", () => {
  const states = { data: Float32Array.of(1, -2, 0, 1024), tokens: 2 };

  test("are moved by one unit of each value, and the prompts not at all", () => {
    const copies = new ShakenCopies([[1, 2]], { compute: "f32", tokens: 512 });
    const [own, ...shaken] = copies.shake(copies.withCopies([states]));
    expect(own).toBe(states);
    expect(shaken).toHaveLength(3);
    const moved = new Shaker("bf16").shake(states).data;
    for (const [index, value] of states.data.entries())
      expect(Math.abs((moved[index] ?? 0) - value)).toBe(Math.abs(value) / 256);
  });

  test("are moved by the size of the terms where a sum cancelled", () => {
    const before = { data: Float32Array.of(256, 256, 256, 256), tokens: 2 };
    const moved = new Shaker("bf16").shake(states, before).data;
    expect(Math.abs(moved[2] ?? 0)).toBe(1);
  });

  test("are made of the shortest prompts, of one at least", () => {
    const prompts = [Array.from({ length: 90 }, () => 1), [1, 2, 3], [1, 2]];
    const copiesOf = (tokens: number): number =>
      new ShakenCopies(prompts, { compute: "f32", tokens }).prompts;
    expect([1, 5, 94, 95].map(copiesOf)).toEqual([1, 2, 2, 3]);
  });

  test("measure the largest difference of a copy from its own prompt", () => {
    const copies = new ShakenCopies([[1], [1, 2]], { compute: "f32", tokens: 512 });
    const logits = copies.withCopies([Float32Array.of(1, 2), Float32Array.of(5, 6)]);
    expect(copies.noise(logits)).toBe(0);
    expect(copies.noise([...logits.slice(0, -1), Float32Array.of(5, 6.5)])).toBe(0.5);
  });
});
