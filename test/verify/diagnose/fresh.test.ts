import { expect, test } from "vitest";
import { drawnBeside } from "../../../src/verify/diagnose/values/fresh.ts";
import type { HostTensor } from "../../../src/verify/compare/model-runner.ts";

const [ROWS, COLUMNS] = [64, 64] as const;

/** A matrix of values that are made of numbers from 0 to 1, two for each: Lehmer's generator (Park and Miller, 1988). */
function matrix(make: (one: number, two: number, row: number) => number): HostTensor {
  let state = 20_261_201;
  const draw = (): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const data = Float32Array.from({ length: ROWS * COLUMNS }, (_none, index) =>
    make(draw(), draw(), Math.floor(index / COLUMNS)),
  );
  return { shape: [ROWS, COLUMNS], data };
}

/** By Box and Muller. */
const normal = (one: number, two: number): number =>
  Math.sqrt(-2 * Math.log(one)) * Math.cos(2 * Math.PI * two);

/** Rows of clearly different sizes. */
const TRAINED = matrix((one, two, row) => (1 + row / 8) * normal(one, two));

test("normal draws beside a trained matrix are told", () => {
  expect(drawnBeside(matrix(normal), TRAINED)).toBeCloseTo(1, 1);
});

test("values of three levels, a third of which are not 0, have the moments of normal draws and are none", () => {
  const ternary = matrix((one, two) => (one < 1 / 3 ? Math.sign(two - 0.5) : 0));
  expect(drawnBeside(ternary, TRAINED)).toBeUndefined();
});
