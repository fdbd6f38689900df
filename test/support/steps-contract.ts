import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { maxAbs } from "./max-abs.ts";
import {
  BITS,
  CASES,
  first,
  LIMITED_K,
  LIMITED_Q,
  LIMITED_V,
  limitedReference,
  LIMITS,
  pick,
  type StepDevice,
} from "./step-cases.ts";

/** What a backend promises. */
export interface StepPromise {
  /** Largest relative distance of a sum of products, and of one rounding to its dtype. */
  readonly rounding: number;
  /** Whether a token's bits do not depend on the tokens beside it. */
  readonly keepsBits: boolean;
}

/** Distance relative to the largest number there is. */
function distance(found: Float32Array, expected: Float32Array): number {
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return largest === 0 ? maxAbs(found, expected) : maxAbs(found, expected) / largest;
}

/** Holds a backend's steps to the contract that all of them have. */
export function stepsContract(
  name: string,
  open: () => Promise<StepDevice>,
  { rounding, keepsBits }: StepPromise,
): void {
  describe(name, () => {
    let device: StepDevice;
    beforeAll(async () => {
      device = await open();
    });
    afterAll(() => {
      device.close();
    });

    test("says what is known of its bits", () => {
      expect(device.keepsBits).toBe(keepsBits);
    });

    test.each(LIMITS)("attention within %o is what it is in float64", async (limits) => {
      const found = device.run([LIMITED_Q, LIMITED_K, LIMITED_V], [], (steps, values) =>
        steps.attention(first(values), pick(values, 1), pick(values, 2), undefined, limits),
      );
      if (device.refuses.includes("limits")) return expect(found).rejects.toThrow(/a graph has no/);
      const far = distance(await found, limitedReference(limits));
      expect(far).toBeLessThanOrEqual(4 * rounding);
    });

    test.each(Object.entries(CASES))("%s gives what it gives in float64", async (step, cases) => {
      expect(cases.length).toBeGreaterThan(0);
      if (device.refuses.some((refused) => refused === step)) {
        const { values, weights, work } = first(cases);
        return expect(device.run(values, weights, work)).rejects.toThrow(/a graph has no/);
      }
      for (const { title, values, weights, work, expected, roundings } of cases) {
        const found = await device.run(values, weights, work);
        expect(found.length, title).toBe(expected.length);
        expect(distance(found, expected), title).toBeLessThanOrEqual(roundings * rounding);
      }
    });

    const promised = keepsBits
      ? "a token of %s has the bits that it has alone"
      : "a token of %s is near what it is alone; its bits are not promised";
    test.each(BITS.map((one) => [one.title, one] as const))(promised, async (_step, one) => {
      const { values, weights, work } = one.whole;
      if (device.refuses.some((refused) => refused === (one.step ?? one.title)))
        return expect(device.run(values, weights, work)).rejects.toThrow(/a graph has no/);
      const whole = await device.run(values, weights, work);
      for (const part of one.parts) {
        const found = await device.run(part.values, part.weights, part.work);
        const same = found.map((_value, index) => whole[part.of(index)] ?? Number.NaN);
        if (keepsBits) expect(found).toEqual(same);
        else expect(distance(found, same)).toBeLessThanOrEqual(4 * rounding);
      }
    });
  });
}
