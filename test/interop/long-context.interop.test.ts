import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { logits } from "../../src/api/logits.ts";
import { readEditable } from "../support/editable-model.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { maxAbs } from "../support/max-abs.ts";

const folder = mkdtempSync(join(tmpdir(), "weighbridge-long-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const TOKENS = 4096;

describe("a prompt that fills a context of 4,096 tokens", () => {
  test("gives the same logits on wasm and on native TensorFlow, in memory that does not grow with its square", async () => {
    const tiny = join(FIXTURES, "internlm-tiny");
    const model = await readEditable(
      join(tiny, "pytorch_model.bin"),
      readFileSync(join(tiny, "config.json"), "utf8"),
    );
    model.config["max_position_embeddings"] = TOKENS;
    await model.write(folder);
    const ids = Array.from({ length: TOKENS }, (_unused, index) => (index * 37 + 5) % 384);
    const run = async (device: "wasm" | "cpu"): Promise<Float32Array> => {
      const positions = [0, 1, 1000, 2048, TOKENS - 2, TOKENS - 1];
      // Scores of all heads at once would take 268 MB a copy; the limit leaves no room for several.
      const maxMemory = 1_000_000_000;
      const result = await logits(folder, {
        prompts: [{ kind: "ids", ids }],
        positions,
        device,
        maxMemory,
      });
      return result.prompts[0]?.logits ?? new Float32Array(0);
    };
    const [wasm, native] = [await run("wasm"), await run("cpu")];
    expect(wasm.length).toBe(6 * 384);
    expect(maxAbs(wasm, native)).toBeLessThan(5e-5);
  });
});
