import { afterAll, beforeAll, expect, test } from "vitest";
import type { Backend } from "../../src/runtime/backends/backend.ts";
import { openWasm } from "../../src/runtime/backends/wasm/open.ts";
import { chosenExperts } from "../../src/runtime/model/routed-experts.ts";
import { routedBy, type Choice } from "../../src/runtime/model/routing.ts";

let backend: Backend;
beforeAll(async () => {
  backend = await openWasm(1);
});
afterAll(() => {
  backend.ops.dispose();
});

/** What two tokens [1, 2, 1] get of three experts, of which expert e gives e + 1 times its rows, and which were computed. */
async function outcome(
  isNormalised: boolean,
  perToken: number,
): Promise<readonly [number[], number[]]> {
  const { ops, steps } = backend;
  const taken: number[] = [];
  const x = ops.upload(Float32Array.of(1, 10), [1, 2, 1]);
  const scores = ops.upload(Float32Array.of(0, Math.log(3), 0, 0, 0, Math.log(2)), [1, 2, 3]);
  const sum = await chosenExperts(ops, x, {
    scores,
    settings: { count: 3, perToken, isNormalised },
    each: (experts, use) => {
      taken.push(...experts);
      for (const expert of experts) use(expert, (rows) => steps.scale(rows, expert + 1));
      return Promise.resolve();
    },
  });
  const result = Array.from(ops.read(sum), (value) => Math.round(value * 1e5) / 1e5);
  for (const value of [x, scores, sum]) ops.free(value);
  expect(ops.memory()).toEqual({ values: 0, bytes: 0 });
  return [taken, result];
}

test("of the experts only those are computed that a token takes", async () => {
  expect(await outcome(true, 1)).toEqual([
    [1, 2],
    [2, 30],
  ]);
});

test("weights are shares of all experts' softmax unless they are made to sum up to 1", async () => {
  // Softmax of (0, ln 3, 0) is (1, 3, 1) / 5, of (0, 0, ln 2) is (1, 1, 2) / 4.
  expect(await outcome(false, 1)).toEqual([
    [1, 2],
    [1.2, 15],
  ]);
  // Of equal experts the first are taken: (1 + 2·3) / 4 and (1 + 3·2) / 3.
  expect(await outcome(true, 2)).toEqual([
    [0, 1, 2],
    [1.75, 23.33333],
  ]);
});

/** The experts that a router's outputs choose, with their weights to five digits. */
function routed(
  logits: readonly number[],
  perToken: number,
  routing: Pick<Choice, "scoring" | "groups" | "scale">,
  correction?: readonly number[],
): readonly (readonly number[])[] {
  const choice = { perToken, isNormalised: false, ...routing };
  return routedBy(
    Float32Array.from(logits),
    choice,
    correction === undefined ? undefined : Float32Array.from(correction),
  ).map(([expert, weight]) => [expert, Math.round(weight * 1e5) / 1e5]);
}

test("a correction changes which experts are chosen, and not their weights", () => {
  expect(routed([0, 0, 0], 1, { scoring: "sigmoid" })).toEqual([[0, 0.5]]);
  expect(routed([0, 0, 0], 1, { scoring: "sigmoid" }, [0, 0.25, 0.125])).toEqual([[1, 0.5]]);
  expect(routed([Math.log(2), 0, 0], 1, {}, [0, 0.5, 0])).toEqual([[1, 0.25]]);
});

test("weights are multiplied by the scale of the router", () => {
  expect(routed([0, 1], 1, { scoring: "sigmoid", scale: 2 }, [1, 0])).toEqual([[0, 1]]);
});

test("of groups of experts those are open that score most, by their best or their best two", () => {
  const logits = [3, 0, 2, 1.9];
  const groups = { count: 2, perToken: 1 };
  expect(routed(logits, 1, { groups: { ...groups, score: "best" } })[0]?.[0]).toBe(0);
  const two = { scoring: "sigmoid", groups: { ...groups, score: "bestTwo" } } as const;
  expect(routed(logits, 2, two).map(([expert]) => expert)).toEqual([2, 3]);
});
