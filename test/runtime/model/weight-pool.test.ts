import { beforeEach, expect, test } from "vitest";
import type { Weight } from "../../../src/runtime/backends/ops.ts";
import { WeightPool } from "../../../src/runtime/model/weight-pool.ts";

const HEAD = "lm_head.weight";
const weight = (): Weight => ({ shape: [2, 2], byteLength: 16 });

let released: Weight[] = [];
let pool: WeightPool;
beforeEach(() => {
  released = [];
  pool = new WeightPool({
    releaseWeight: (one) => {
      released.push(one);
    },
  });
});

test("bands of one parameter are kept apart by their first rows", () => {
  const [first, second] = [weight(), weight()];
  expect([pool.keep(HEAD, first), pool.keep(HEAD, second, 2)]).toEqual([true, true]);
  expect(pool.get(HEAD)).toBe(first);
  expect(pool.get(HEAD, 2)).toBe(second);
  expect(pool.get(HEAD, 4)).toBeUndefined();
  pool.clear();
  expect(released).toEqual([first, second]);
});

test("a model with another parameter of that name neither takes its bands nor gives its own", () => {
  pool.keep(HEAD, weight(), 2);
  const changed = pool.without((name) => name === HEAD);
  expect(changed.get(HEAD, 2)).toBeUndefined();
  expect(changed.keep(HEAD, weight(), 4)).toBe(false);
  expect(pool.get(HEAD, 4)).toBeUndefined();
});

test("what has no room stays its owner's", () => {
  expect(pool.keep(HEAD, { shape: [1], byteLength: 2 ** 40 })).toBe(false);
  pool.clear();
  expect(released).toEqual([]);
});
