import { expect, test } from "vitest";
import { saturatedOnes } from "../../../src/verify/diagnose/golden/saturated.ts";
import { SearchBudget } from "../../../src/verify/diagnose/golden/search.ts";
import type { Changes } from "../../../src/verify/diagnose/golden/local-lab.ts";

const SHAPE = [40, 50];
const RIGHT = Float32Array.from({ length: 2000 }, (_none, at) => {
  const share = ((at * 0.618_033_988_75) % 1) * 0.998 + 0.001;
  return Math.log(share / (1 - share));
});
const CLIPPED = RIGHT.map((value) => Math.max(-3, Math.min(3, value)));

const found = async (stored: Float32Array, right: Float32Array): ReturnType<typeof saturatedOnes> =>
  saturatedOnes(
    ["w"],
    () => Promise.resolve({ shape: SHAPE, data: stored }),
    (changes?: Changes) => {
      const own = changes?.get("w")?.data ?? stored;
      return Promise.resolve(Float64Array.from(own, (value, at) => value - (right[at] ?? 0)));
    },
    new SearchBudget(100),
  );

test("values that a limit cut are named where larger ones are nearer to the golden", async () => {
  const [diagnosis] = await found(CLIPPED, RIGHT);
  const count = CLIPPED.filter((value) => Math.abs(value) === 3).length;
  expect(diagnosis?.cause).toBe("corrupt");
  expect(diagnosis?.evidence).toContain(`${count} of its values are ±3.00, and none is larger`);
});

test("cut values that are right, and values that nothing cut, are not blamed", async () => {
  expect(await found(CLIPPED, CLIPPED.toReversed())).toEqual([]);
  expect(await found(RIGHT, CLIPPED)).toEqual([]);
});
