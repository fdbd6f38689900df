import { expect, it } from "vitest";
import { drawOrder } from "../../src/evaluate/data/draw.ts";
import { fewestToPass, SequentialTest } from "../../src/evaluate/parity/sequential.ts";

const ERROR_RATE = 0.05;
const RUNS = 400;

/** Shares of runs that pass and fail, and the rows that a run takes on average. */
function simulated(
  rows: number,
  lost: number,
  gained: number,
  maxLost: number,
): { readonly pass: number; readonly fail: number; readonly rows: number } {
  const values = Array.from({ length: rows }, (_unused, at): -1 | 0 | 1 =>
    at < lost ? 1 : at < lost + gained ? -1 : 0,
  );
  const decided = { pass: 0, fail: 0, open: 0 };
  let seen = 0;
  for (let seed = 0; seed < RUNS; seed++) {
    const test = new SequentialTest(rows, maxLost, ERROR_RATE);
    for (const value of drawOrder(values, seed)) {
      seen++;
      if (test.add(value) !== "open") break;
    }
    decided[test.decision]++;
  }
  expect(decided.open).toBe(0);
  return { pass: decided.pass / RUNS, fail: decided.fail / RUNS, rows: seen / RUNS };
}

// Of 400 runs with an error rate of 0.05, more than 0.085 err in one of a thousand tries.
const MOST = 0.085;

it.each([
  [200, 5, 0, 2],
  [200, 25, 20, 2],
  [400, 13, 8, 1],
])(
  "of %i rows with one lost too many, %i lost and %i gained, seldom passes",
  (rows, lost, gained, most) => {
    const { pass } = simulated(rows, lost, gained, most);
    expect(pass).toBeLessThanOrEqual(MOST);
  },
);

it.each([
  [200, 4, 0, 2],
  [200, 24, 20, 2],
  [400, 12, 8, 1],
])(
  "of %i rows that keep the bound just so, %i lost and %i gained, seldom fails",
  (rows, lost, gained, most) => {
    const { fail } = simulated(rows, lost, gained, most);
    expect(fail).toBeLessThanOrEqual(MOST);
  },
);

it("decides early where the answers are clear", () => {
  const same = simulated(1000, 0, 0, 2);
  expect([same.pass, same.rows]).toEqual([1, fewestToPass(1000, 2, ERROR_RATE)]);
  expect(same.rows).toBeLessThan(250);
  const worse = simulated(1000, 100, 0, 2);
  expect(worse.fail).toBe(1);
  expect(worse.rows).toBeLessThan(200);
});

it("is certain at the last row, and at once where the bound cannot be broken", () => {
  expect(fewestToPass(10, 0, ERROR_RATE)).toBe(10);
  expect(new SequentialTest(10, 100, ERROR_RATE).decision).toBe("pass");
  expect(new SequentialTest(0, 0, ERROR_RATE).decision).toBe("pass");
});
