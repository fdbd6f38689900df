import { join } from "node:path";
import { expect, test } from "vitest";
import { verify } from "../../src/verify/run.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

test("weights that were rounded to bfloat16 and to float16 from the same numbers pass within bfloat16", async () => {
  // Not one rounded from the other: bfloat16 by way of float16 gives other bits for some.
  const { verdict, comparisons } = await verify(join(FIXTURES, "pytorch-bf16"), {
    other: join(FIXTURES, "internlm-tiny"),
    device: "wasm",
  });
  const [comparison] = comparisons;
  expect([verdict, comparison?.diagnosis, comparison?.parity?.compute]).toEqual([
    "pass",
    [],
    "bf16",
  ]);
  expect(comparison?.weights).toMatchObject({ compared: 42, wrong: 0, rounded: 42 });
});
