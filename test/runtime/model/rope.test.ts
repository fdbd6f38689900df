import { describe, expect, test } from "vitest";
import type { RopeScaling } from "../../../src/model/config/rope.ts";
import { inverseFrequencies, ropeTable } from "../../../src/runtime/model/rope.ts";
import { maxAbs } from "../../support/max-abs.ts";

const frequencies = (scaling: RopeScaling, headDim: number, length = 1): number[] => [
  ...inverseFrequencies({ theta: 10_000, scaling }, headDim, 2048, length),
];

describe("rotary frequencies", () => {
  test("are 10000^(−2j/D)", () => {
    expect(frequencies({ kind: "none" }, 8)).toEqual([1, 0.1, 0.01, 0.001].map(Math.fround));
  });

  test("are divided by a linear factor", () => {
    expect(frequencies({ kind: "linear", factor: 4 }, 4)).toEqual([0.25, Math.fround(0.0025)]);
  });

  test("of dynamic NTK stay plain up to the trained context", () => {
    const dynamic: RopeScaling = { kind: "dynamic-ntk", factor: 1, wholeCache: true };
    expect(frequencies(dynamic, 128, 2048)).toEqual(frequencies({ kind: "none" }, 128));
  });

  test("of dynamic NTK beyond it have the base 10000 · (sL/M − (s − 1))^(D/(D−2))", () => {
    const dynamic: RopeScaling = { kind: "dynamic-ntk", factor: 2, wholeCache: true };
    const base = 10_000 * (2 * 1.5 - 1) ** (8 / 6); // L = 3072, M = 2048
    const expected = [0, 1, 2, 3].map((j) => base ** ((-2 * j) / 8));
    expect(maxAbs(frequencies(dynamic, 8, 3072), expected)).toBeLessThan(1e-8);
  });

  test("of llama3 keep short waves, stretch long ones and blend between", () => {
    // Waves 2π, 62.8, 628, 6283 against 8192/4 = 2048 (kept below) and 8192/1 (stretched above); 6283 is between:
    // smooth = (8192/6283.19 − 1)/(4 − 1) = 0.101265, 0.001 · (1 − smooth)/8 + 0.001 · smooth = 0.000213607.
    const scaling: RopeScaling = {
      kind: "llama3",
      factor: 8,
      lowFreqFactor: 1,
      highFreqFactor: 4,
      originalMaxPositions: 8192,
    };
    expect(maxAbs(frequencies(scaling, 8), [1, 0.1, 0.01, 0.000213607])).toBeLessThan(1e-8);
    const short = { ...scaling, originalMaxPositions: 4096 };
    expect(maxAbs(frequencies(short, 8), [1, 0.1, 0.01, 0.001 / 8])).toBeLessThan(1e-8);
  });

  test("of YaRN keep fast dimensions, stretch slow ones and scale the amplitude", () => {
    const scaling: RopeScaling = {
      kind: "yarn",
      factor: 4,
      betaFast: 32,
      betaSlow: 1,
      originalMaxPositions: 2048,
      attentionFactor: 1.25,
      truncate: true,
    };
    const plain = frequencies({ kind: "none" }, 128);
    const scaled = frequencies(scaling, 128);
    expect(scaled[0]).toBe(plain[0]);
    expect(scaled[63]).toBeCloseTo((plain[63] ?? 0) / 4, 12);
    // Position 0: cos is the amplitude itself.
    const { cos } = ropeTable({ theta: 10_000, scaling }, 4, 2048, [0], 1);
    expect([...cos]).toEqual([1.25, 1.25, 1.25, 1.25]);
  });
});

describe("the rotary table", () => {
  test("holds each angle's cosine and sine twice", () => {
    const { cos, sin } = ropeTable(
      { theta: 10_000, scaling: { kind: "none" } },
      4,
      2048,
      [0, 3],
      4,
    );
    expect(maxAbs(cos, [1, 1, 1, 1, ...[3, 0.03, 3, 0.03].map(Math.cos)])).toBeLessThan(1e-7);
    expect(maxAbs(sin, [0, 0, 0, 0, ...[3, 0.03, 3, 0.03].map(Math.sin)])).toBeLessThan(1e-7);
  });
});
