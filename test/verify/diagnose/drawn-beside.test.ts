import { expect, test } from "vitest";
import { drawnBeside } from "../../../src/verify/diagnose/values/fresh.ts";
import { Draws } from "../../support/faults/draws.ts";

const SHAPE = [40, 50];
const draws = new Draws(7);
const drawn = {
  shape: SHAPE,
  data: Float32Array.from({ length: 2000 }, () => 0.02 * draws.normal()),
};
/** Columns of clearly different sizes, as training leaves them. */
const trained = {
  shape: SHAPE,
  data: drawn.data.toReversed().map((value, index) => value * (1 + (index % 50) / 10)),
};

test("independent draws beside a trained matrix are told, and those of two such are not", () => {
  expect(drawnBeside(drawn, trained)).toBeCloseTo(0.02, 3);
  expect(drawnBeside(trained, drawn)).toBeUndefined();
  expect(drawnBeside(drawn, { ...drawn, data: drawn.data.toReversed() })).toBeUndefined();
});
