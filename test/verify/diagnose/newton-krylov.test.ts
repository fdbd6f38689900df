import { expect, test } from "vitest";
import { solveRows, type Rows } from "../../../src/verify/diagnose/golden/newton-krylov.ts";

const WIDTH = 24;

/** What a layer is like: the identity, and something curved that every channel has a part in. */
function curved(row: Float64Array): Float64Array {
  return row.map((value, channel) => {
    let sum = 0;
    for (const [other, one] of row.entries()) sum += Math.sin(1 + channel * WIDTH + other) * one;
    return value + 0.8 * Math.tanh(sum / Math.sqrt(WIDTH));
  });
}

const drawn = (rows: number, seed: number): Rows =>
  Array.from({ length: rows }, (_unused, row) =>
    Float64Array.from({ length: WIDTH }, (_none, channel) =>
      Math.sin(seed + 7.3 * row + 1.7 * channel * channel),
    ),
  );

test("rows that a function gives a goal from are found", async () => {
  const right = drawn(5, 1);
  const goal = right.map(curved);
  const start = drawn(5, 2);
  const solved = await solveRows((rows) => Promise.resolve(rows.map(curved)), goal, start, 1e-9);
  for (const [at, row] of (solved?.rows ?? []).entries()) {
    expect(solved?.left[at]).toBeLessThan(1e-6);
    for (const [channel, value] of curved(row).entries())
      expect(value).toBeCloseTo(goal[at]?.[channel] ?? Number.NaN, 5);
  }
  expect(solved?.rows).toHaveLength(5);
});

test("nothing is solved where nothing may be spent", async () => {
  const rows = drawn(2, 1);
  expect(await solveRows(() => Promise.resolve(undefined), rows, rows, 1e-9)).toBe(undefined);
});
