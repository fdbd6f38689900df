import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { recordGolden } from "../../src/verify/golden/record.ts";
import { verify } from "../../src/verify/run.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const GEMMA = join(FIXTURES, "gemma");
const QUANTISED = join(FIXTURES, "gguf/gemma-q8_0.gguf");
const GOLDEN = join(FIXTURES, "goldens/gemma.safetensors");
const device = "wasm" as const;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-quantised-golden-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a quantised file and a golden", () => {
  it("is not judged from one of its original's weights, and the figures are told", async () => {
    const error = await caught(() => verify(QUANTISED, { golden: GOLDEN, device }));
    expect(error.code).toBe("WB4911");
    expect(error.details).toMatchObject({ path: QUANTISED, golden: GOLDEN, quantised: 12 });
    expect(error.message).toMatch(/its logits differ by 0\.067\d+, where \S+ is allowed$/);
    const wide = await verify(QUANTISED, { golden: GOLDEN, device, maxAbs: 0.1, kl: 0.1 });
    expect(wide.comparisons[0]?.parity?.passes).toBe(true);
  });

  it("passes with one of its own numbers, also in another file", async () => {
    const golden = join(folder, "own.safetensors");
    await recordGolden(QUANTISED, golden, {
      prompts: [{ kind: "ids", ids: [5, 9, 2, 40] }],
      device,
    });
    expect((await verify(QUANTISED, { golden, device })).verdict).toBe("pass");
    const plain = join(folder, "plain");
    await convert(QUANTISED, plain);
    expect((await verify(plain, { golden, device })).verdict).toBe("pass");
  });

  it("names another number of layers", async () => {
    // The same sizes, and a layer more.
    const golden = join(FIXTURES, "goldens/gemma3.safetensors");
    const { verdict, diagnosis } = await verify(QUANTISED, { golden, device });
    expect(verdict).toBe("fail");
    expect(diagnosis).toEqual([
      {
        cause: "config-mismatch",
        tensors: [],
        evidence: "num_hidden_layers is 2, the golden has the states of 3 layers",
      },
    ]);
  });

  it("changes nothing for files that are not quantised", async () => {
    const plain = join(folder, "gemma-f32");
    await convert(GEMMA, plain, { to: "gguf", quantize: "F32" });
    const path = join(plain, "model.gguf");
    expect((await verify(path, { golden: GOLDEN, device })).verdict).toBe("pass");
  });
});
