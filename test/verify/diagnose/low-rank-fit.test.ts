import { expect, test } from "vitest";
import type { Measured } from "../../../src/verify/diagnose/golden/alternating-fit.ts";
import { fitLowRank } from "../../../src/verify/diagnose/golden/low-rank-fit.ts";

const [WIDTH, HEIGHT, RANK, TOKENS] = [24, 6, 2, 30] as const;

/** Lehmer's generator (Park and Miller, 1988), from −1 to 1: the same numbers each time. */
function draws(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return (2 * state) / 2_147_483_647 - 1;
  };
}

/** Blocks of a change of low rank, each with inputs of its own, and what it makes of them. */
function blocksOf(count: number, rank: number): readonly Measured[] {
  const draw = draws(7);
  const list = (length: number): Float64Array => Float64Array.from({ length }, draw);
  const right = list(rank * WIDTH);
  return Array.from({ length: count }, () => {
    const [left, inputs] = [list(HEIGHT * rank), list(TOKENS * WIDTH)];
    return { count: TOKENS, height: HEIGHT, inputs, outputs: through(left, right, inputs, rank) };
  });
}

function through(
  left: Float64Array,
  right: Float64Array,
  inputs: Float64Array,
  rank: number,
): Float64Array {
  const outputs = new Float64Array((inputs.length / WIDTH) * HEIGHT);
  return outputs.map((_value, at) => {
    const [token, row] = [Math.floor(at / HEIGHT), at % HEIGHT];
    let sum = 0;
    for (let index = 0; index < rank; index++)
      for (let channel = 0; channel < WIDTH; channel++)
        sum +=
          (left[row * rank + index] ?? 0) *
          (right[index * WIDTH + channel] ?? 0) *
          (inputs[token * WIDTH + channel] ?? 0);
    return sum;
  });
}

const ROWS = Array.from({ length: TOKENS }, (_none, row) => row);

test("a change of low rank is found from what it makes of inputs", () => {
  const blocks = blocksOf(4, RANK);
  const fit = fitLowRank(blocks, WIDTH, RANK, ROWS);
  expect(fit?.left).toBeLessThan(1e-8);
  expect(fit?.kept).toEqual(ROWS);
  const [left, first] = [fit?.lefts[0], blocks[0]];
  if (fit === undefined || left === undefined || first === undefined) throw new Error("no fit");
  const again = through(left, fit.right, first.inputs, RANK);
  for (const [at, value] of again.entries()) expect(value).toBeCloseTo(first.outputs[at] ?? 0, 3);
});

test("rows that are not of the change are left out", () => {
  const blocks = blocksOf(4, RANK);
  for (const { outputs } of blocks) outputs.fill(9, 5 * HEIGHT, 6 * HEIGHT);
  const fit = fitLowRank(blocks, WIDTH, RANK, ROWS);
  expect(fit?.kept).toEqual(ROWS.filter((row) => row !== 5));
  expect(fit?.left).toBeLessThan(1e-8);
});

test("a change of many directions is not one of few", () => {
  expect(fitLowRank(blocksOf(4, HEIGHT), WIDTH, RANK, ROWS)?.left).toBeGreaterThan(0.05);
});
