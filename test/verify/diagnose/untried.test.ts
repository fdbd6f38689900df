import { expect, test } from "vitest";
import { openDevice } from "../../../src/runtime/backends/device.ts";
import { SearchBudget } from "../../../src/verify/diagnose/golden/search.ts";
import { rankHypotheses } from "../../../src/verify/diagnose/hypotheses/rank-hypotheses.ts";
import { tableHypotheses } from "../../../src/verify/diagnose/hypotheses/table-hypotheses.ts";
import { takeColumns } from "../../../src/verify/diagnose/hypotheses/tensor-edits.ts";
import { internlmConfig } from "../../support/model-config.ts";

/** More rows than an array has: one list of them would throw. */
const ENDLESS = 2 ** 33;

test("rows are counted out only where a mistake among them is tried", () => {
  const name = "lm_head.weight";
  expect(tableHypotheses(name, [name], ENDLESS, () => "F32").length).toBeGreaterThan(100);
  const gate = "model.layers.0.mlp.gate_proj.weight";
  const config = { ...internlmConfig(), intermediateSize: ENDLESS };
  expect(rankHypotheses(0, config, new Set([gate])).length).toBeGreaterThan(30);
});

test("columns are taken in any order, as often as it names them", () => {
  const matrix = { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
  expect(takeColumns(matrix, [2, 0, 0, 1])).toEqual({
    shape: [2, 4],
    data: Float32Array.of(3, 1, 1, 2, 6, 4, 4, 5),
  });
});

test("work that was called off loads no backend and tries nothing more", async () => {
  const stop = new AbortController();
  const budget = new SearchBudget(5, stop.signal);
  expect(await budget.spend()).toBe(true);
  // What a signal's handler does, which runs in the turn that is left to it.
  setImmediate(() => stop.abort(new Error("called off")));
  await expect(budget.giveWay().then(() => budget.giveWay())).rejects.toThrow("called off");
  const request = { device: "wasm", compute: "f32", signal: stop.signal } as const;
  await expect(openDevice(request)).rejects.toThrow("called off");
});

test("what is not begun for want of tries leaves a search that ended early", () => {
  const budget = new SearchBudget(5);
  expect([budget.has(5), budget.isSpent]).toEqual([true, false]);
  expect([budget.has(6), budget.isSpent]).toEqual([false, true]);
});
