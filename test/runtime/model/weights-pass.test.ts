import { afterAll, beforeAll, expect, test } from "vitest";
import type { Backend } from "../../../src/runtime/backends/backend.ts";
import { openWasm } from "../../../src/runtime/backends/wasm/open.ts";
import type { Ops } from "../../../src/runtime/backends/ops.ts";
import { WeightStore } from "../../../src/runtime/model/weight-store.ts";
import { familyConfig } from "../../support/bit-models.ts";
import { drawnWeights } from "../../support/drawn-weights.ts";

let backend: Backend;
beforeAll(async () => {
  backend = await openWasm(1);
});
afterAll(() => {
  backend.ops.dispose();
});

/** The same operations, with one of their own. */
function withProperty<Name extends keyof Ops>(ops: Ops, name: Name, value: Ops[Name]): Ops {
  return new Proxy(ops, {
    get: (target, key): unknown => (key === name ? value : Reflect.get(target, key, target)),
  });
}

const SOME = { running: 4096, kept: 4096 };

test.each([
  ["qwen3_moe", "resident", undefined, 0],
  ["qwen3_moe", "resident", SOME, 1],
  ["qwen3_moe", "streamed", SOME, 1],
  ["qwen2", "resident", SOME, 0],
  ["qwen2", "streamed", undefined, 1],
] as const)("%s %s, %j: the device hears of weights that come and go", async (...row) => {
  const [name, residence, bounds, times] = row;
  const config = await familyConfig(name);
  let heard = 0;
  const ops = withProperty(backend.ops, "weightsPass", () => {
    heard += 1;
  });
  const store = new WeightStore(
    ops,
    config,
    drawnWeights(config, "BF16"),
    residence,
    undefined,
    bounds,
  );
  expect(heard).toBe(times);
  await store.dispose();
});
