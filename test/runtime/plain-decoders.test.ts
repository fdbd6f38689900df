import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { openWasm } from "../../src/runtime/backends/wasm/open.ts";
import { erfc } from "../../src/runtime/backends/steps/erfc.ts";
import { alibiSlopes } from "../../src/runtime/model/alibi.ts";
import type { Decoder } from "../../src/runtime/model/decoder.ts";
import { drawnDecoder, familyConfig } from "../support/bit-models.ts";
import { caught } from "../support/caught.ts";
import { runInProcess } from "../support/cli-in-process.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

test("slopes of heads are those of the paper, and of its code where their number is no power of two", () => {
  expect(alibiSlopes(8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((power) => 2 ** -power));
  // transformers 5.23.0, models/bloom/modeling_bloom.py, `build_alibi_tensor`, of 6 heads.
  expect(alibiSlopes(6)).toEqual([0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125]);
});

test.each([
  // Abramowitz and Stegun, tables 7.1 and 7.3; and by symmetry.
  [0, 1],
  [0.5, 0.479500122186953],
  [1, 0.157299207050285],
  [2, 0.004677734981047266],
  [3, 2.209049699858544e-5],
  [-1, 1.842700792949715],
  [6, 2.1519736712498913e-17],
])("erfc(%d) is %d", (x, expected) => {
  expect(Math.abs(erfc(x) / expected - 1)).toBeLessThan(1e-13);
});

describe("a model with learned positions", () => {
  let decoder: Decoder;
  beforeAll(async () => {
    decoder = drawnDecoder(await openWasm(1), await familyConfig("opt"), "F32");
  });
  afterAll(async () => {
    await decoder.dispose();
    decoder.ops.dispose();
  });

  it("takes texts as long as its table and refuses a longer one by the numbers", async () => {
    const ids = Array.from({ length: 65 }, (_, index) => 1 + (index % 100));
    const x = await decoder.embed([ids.slice(1)]);
    decoder.ops.free(x);
    const error = await caught(() => decoder.embed([ids]));
    expect([error.code, error.details]).toEqual(["WB2806", { tokens: 65, limit: 64 }]);
  });

  it("ends with its code where more tokens are asked for than it has positions", async () => {
    const model = join(FIXTURES, "gpt2");
    const { status, stdout } = await runInProcess(
      `generate ${model} --input-ids 1,5,9 --device wasm --max-new-tokens 70 --json`.split(" "),
    );
    expect(status).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "WB2806" } });
  });
});
