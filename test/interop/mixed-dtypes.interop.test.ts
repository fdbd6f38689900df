import { join } from "node:path";
import { expect, test } from "vitest";
import { verify } from "../../src/api/verify.ts";
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
