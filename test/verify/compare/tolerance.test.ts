import { describe, expect, test } from "vitest";
import { gateOf, klTolerance, short } from "../../../src/verify/compare/tolerance.ts";

/** Nothing was measured, by whatever name. */
const UNMEASURED = {
  noise: undefined,
  shaken: undefined,
  reordered: undefined,
  referenceError: undefined,
};

type Facts = Pick<Parameters<typeof gateOf>[0], "compute" | "layers" | "scale" | "profile">;

const gate = (facts: Partial<Facts>): ReturnType<typeof gateOf> =>
  gateOf({ ...UNMEASURED, compute: "f32", layers: 3, scale: 8, profile: "default", ...facts });

describe("the gate where nothing was measured", () => {
  // 12 units · √(layers + 1) · largest logit · profile.
  test.each<Facts & { maxAbs: number }>([
    { compute: "f32", layers: 3, scale: 8, profile: "default", maxAbs: 12 * 2 ** -24 * 2 * 8 },
    { compute: "f16", layers: 3, scale: 8, profile: "default", maxAbs: 12 * 2 ** -11 * 2 * 8 },
    { compute: "bf16", layers: 3, scale: 8, profile: "default", maxAbs: 12 * 2 ** -8 * 2 * 8 },
    { compute: "f32", layers: 0, scale: 8, profile: "default", maxAbs: 12 * 2 ** -24 * 8 },
    { compute: "f32", layers: 8, scale: 8, profile: "default", maxAbs: 12 * 2 ** -24 * 3 * 8 },
    { compute: "f32", layers: 3, scale: 16, profile: "default", maxAbs: 12 * 2 ** -24 * 2 * 16 },
    { compute: "f32", layers: 3, scale: 8, profile: "strict", maxAbs: 3 * 2 ** -24 * 2 * 8 },
    { compute: "f32", layers: 3, scale: 8, profile: "loose", maxAbs: 192 * 2 ** -24 * 2 * 8 },
    { compute: "bf16", layers: 3, scale: 8, profile: "strict", maxAbs: 3 * 2 ** -8 * 2 * 8 },
    // A model whose logits are all but 0 still rounds.
    { compute: "f32", layers: 3, scale: 0, profile: "default", maxAbs: 12 * 2 ** -24 * 2 * 1e-3 },
    {
      compute: "f32",
      layers: 3,
      scale: 1e-4,
      profile: "default",
      maxAbs: 12 * 2 ** -24 * 2 * 1e-3,
    },
    {
      compute: "f32",
      layers: 3,
      scale: 2e-3,
      profile: "default",
      maxAbs: 12 * 2 ** -24 * 2 * 2e-3,
    },
  ])(
    "in $compute, $layers layers, logits up to $scale, $profile: $maxAbs",
    ({ maxAbs, ...facts }) => {
      const found = gate(facts);
      expect(found.maxAbs).toBeCloseTo(maxAbs, 14);
      expect(found.maxAbs / maxAbs).toBeCloseTo(1, 12);
      expect(found.kl).toBe(klTolerance(found.maxAbs));
    },
  );

  test("says where it comes from", () => {
    expect(gate({}).origin).toEqual([
      "compute float32, 2⁻²⁴ relative: 12 units · √(3 layers + 1) · largest logit 8.00 = 1.14e-5",
    ]);
    expect(gate({ compute: "f16" }).origin[0]).toContain("compute float16, 2⁻¹¹ relative");
    expect(gate({ compute: "bf16" }).origin[0]).toContain("compute bfloat16, 2⁻⁸ relative");
    expect(gate({ profile: "strict" }).origin.slice(1)).toEqual(["profile strict: times 0.25"]);
    expect(gate({ profile: "loose" }).origin.slice(1)).toEqual(["profile loose: times 16"]);
  });
});

test("says what was measured, each with how much of it is allowed", () => {
  const { origin, maxAbs } = gateOf({
    compute: "f32",
    layers: 3,
    scale: 8,
    profile: "default",
    shaken: 1,
    reordered: 2,
    referenceError: 3,
  });
  expect(maxAbs).toBe(12);
  expect(origin.slice(1)).toEqual([
    "noise of this model, its states moved by one rounding unit of float32 after each layer: 1.00; 6 times that is allowed",
    "noise of this model, measured with another order of summation: 2.00; 4 times that is allowed",
    "the reference's own error, against its float64 logits: 3.00; 4 times that is allowed",
  ]);
});

describe("the gate of the KL divergence", () => {
  test.each([
    { maxAbs: 0, kl: 1e-9 },
    { maxAbs: 1e-5, kl: 1e-9 },
    { maxAbs: 1e-3, kl: 2e-6 },
    { maxAbs: 0.5, kl: 0.5 },
    { maxAbs: 3, kl: 18 },
  ])("for differences of $maxAbs is $kl nats", ({ maxAbs, kl }) => {
    expect(klTolerance(maxAbs)).toBe(kl);
  });

  test("of any two rows that differ by less than the gate is not exceeded", () => {
    // The worst case of a shift by ±d: half of the weight on each sign.
    for (const d of [1e-4, 1e-2, 0.1, 0.5]) {
      const kl = Math.log(Math.cosh(d));
      expect(kl).toBeLessThanOrEqual(klTolerance(d));
    }
  });
});

test.each([
  [0, "0"],
  [Number.NaN, "NaN"],
  [Infinity, "Infinity"],
  [0.01, "0.0100"],
  [-0.01, "-0.0100"],
  [0.009_99, "9.99e-3"],
  [1, "1.00"],
  [9999, "1.00e+4"],
  [9994, "9.99e+3"],
  [10_000, "1.00e+4"],
  [12.345, "12.3"],
  [-12.345, "-12.3"],
  [1e-12, "1.00e-12"],
])("%d is printed as %s", (value, text) => {
  expect(short(value)).toBe(text);
});
