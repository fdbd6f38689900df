import { join } from "node:path";
import { expect, test } from "vitest";
import { openGenerator } from "../../src/session/generator.ts";
import { verify } from "../../src/verify/run.ts";
import { openNative } from "../../src/runtime/backends/native/open.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

/** The diagnosis against the golden runs the model with one tensor of the other side at a time, so gate and up differ in dtype. */
async function causesOn(device: "cpu" | "wasm"): Promise<readonly string[]> {
  const { comparisons } = await verify(join(FIXTURES, "pytorch-bf16"), {
    other: join(FIXTURES, "internlm-tiny"),
    golden: join(FIXTURES, "goldens/f16.safetensors"),
    device,
  });
  return comparisons.flatMap(({ diagnosis }) => diagnosis.map(({ cause }) => cause));
}

test("a model of two dtypes is diagnosed alike on native TensorFlow and on wasm", async () => {
  expect(await causesOn("cpu")).toEqual(await causesOn("wasm"));
});

test("nothing is left on the device by a verification, or by a generator that was closed", async () => {
  const { ops } = await openNative({ device: "cpu", compute: "f32", verbose: false });
  const before = ops.memory();
  const tiny = join(FIXTURES, "internlm-tiny");
  await verify(tiny, { golden: join(FIXTURES, "goldens/f16.safetensors"), device: "cpu" });
  expect(ops.memory()).toEqual(before);
  const generator = await openGenerator(tiny, { device: "cpu" });
  const steps = generator.generate({ prompts: [[1, 290, 31]], maxNewTokens: 3, stopIds: [] });
  for await (const _ of steps);
  await generator.close();
  expect(ops.memory()).toEqual(before);
});
