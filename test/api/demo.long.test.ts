import { expect, test } from "vitest";
import { demo } from "../../src/api/demo.ts";

test("the demo shows every step as it should be, and finds the mistake it makes", async () => {
  const told: string[] = [];
  const { ok, steps } = await demo({ device: "wasm", onStep: ({ command }) => told.push(command) });
  expect(steps.filter((step) => !step.ok)).toEqual([]);
  expect(ok).toBe(true);
  expect(told).toEqual(steps.map(({ command }) => command));
  const named = steps.find(({ command }) => command.includes("on purpose"));
  expect(named?.outcome).toContain("transposed model.layers.1.self_attn.q_proj.weight");
});
