import { afterAll, beforeAll, expect, test } from "vitest";
import type { Backend } from "../../src/runtime/backends/backend.ts";
import { openWasm } from "../../src/runtime/backends/wasm/open.ts";

let backend: Backend;
beforeAll(async () => {
  backend = await openWasm(1);
});
afterAll(() => {
  backend.ops.dispose();
});

/** What two tokens [1, 2, 1] get of three experts, of which expert e gives e + 1 times its rows, and which were computed. */
function outcome(isNormalised: boolean, perToken: number): readonly [number[], number[]] {
  const { ops, steps } = backend;
  const taken: number[] = [];
  const x = ops.upload(Float32Array.of(1, 10), [1, 2, 1]);
  const scores = ops.upload(Float32Array.of(0, Math.log(3), 0, 0, 0, Math.log(2)), [1, 2, 3]);
  const sum = steps.experts(x, {
    scores,
    count: 3,
    perToken,
    isNormalised,
    work: (expert, rows) => {
      taken.push(expert);
      return steps.scale(rows, expert + 1);
    },
  });
  const result = Array.from(ops.read(sum), (value) => Math.round(value * 1e5) / 1e5);
  for (const value of [x, scores, sum]) ops.free(value);
  expect(ops.memory()).toEqual({ values: 0, bytes: 0 });
  return [taken, result];
}

test("of the experts only those are computed that a token takes", () => {
  expect(outcome(true, 1)).toEqual([
    [1, 2],
    [2, 30],
  ]);
});

test("weights are shares of all experts' softmax unless they are made to sum up to 1", () => {
  // Softmax of (0, ln 3, 0) is (1, 3, 1) / 5, of (0, 0, ln 2) is (1, 1, 2) / 4.
  expect(outcome(false, 1)).toEqual([
    [1, 2],
    [1.2, 15],
  ]);
  // Of equal experts the first are taken: (1 + 2·3) / 4 and (1 + 3·2) / 3.
  expect(outcome(true, 2)).toEqual([
    [0, 1, 2],
    [1.75, 23.33333],
  ]);
});
