import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { generate } from "../../src/api/generate.ts";
import { verify } from "../../src/verify/run.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { runPython } from "../support/python.ts";

/** DeepSeek V3 as it is published: float8 matrices, of which the last blocks are not whole, with a scale for each block. */
const work = mkdtempSync(join(tmpdir(), "weighbridge-fp8-"));
const [quantised, plain, wide] = ["quantised", "plain", "wide"].map((name) => join(work, name));
let matrices = 0;
beforeAll(() => {
  const source = join(FIXTURES, "deepseek_v3");
  matrices = Number(runPython("fp8_folder.py", { source, quantised, plain, block: [20, 24] }));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

test("is named with the way out, and converted is the model that torch's numbers make", async () => {
  expect(matrices).toBeGreaterThan(60);
  const refused = await caught(() => verify(quantised ?? "", { other: plain, device: "wasm" }));
  expect(refused.code).toBe("WB4703");
  expect(refused.message).toContain("FP8 with block scales");
  await convert(quantised ?? "", wide ?? "", { dequantize: "F32" });
  const { verdict, comparisons } = await verify(wide ?? "", { other: plain, device: "wasm" });
  expect(verdict).toBe("pass");
  expect(comparisons[0]?.weights).toMatchObject({ wrong: 0, rounded: 0 });
  expect(comparisons[0]?.parity?.prompts.map(({ maxAbs }) => maxAbs)).toEqual(
    comparisons[0]?.parity?.prompts.map(() => 0),
  );
  const prompts = [{ kind: "ids" as const, ids: [1, 5, 9] }];
  const run = async (path: string) =>
    (await generate(path, { prompts, device: "wasm", maxNewTokens: 8 })).results.map(
      ({ ids }) => ids,
    );
  expect(await run(wide ?? "")).toEqual(await run(plain ?? ""));
});

test("goes to Paddle and back as its values", async () => {
  const [paddle, back] = [join(work, "paddle"), join(work, "back")];
  await convert(quantised ?? "", paddle, { dequantize: "F32", to: "paddle" });
  await convert(paddle, back);
  const { verdict, comparisons } = await verify(back, { other: plain, device: "wasm" });
  expect(verdict).toBe("pass");
  expect(comparisons[0]?.weights).toMatchObject({ wrong: 0, rounded: 0 });
});
