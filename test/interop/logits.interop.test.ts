import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { runCli } from "../support/cli.ts";
import { isRecord } from "../support/is-record.ts";
import { maxAbs } from "../support/max-abs.ts";
import { runPython } from "../support/python.ts";
import { readF32 } from "../support/read-f32.ts";

const work = mkdtempSync(join(tmpdir(), "weighbridge-logits-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const MODELS = 24;
/** Two float32 implementations that sum in different orders, of values about 10. */
const TOLERANCE = 2e-5;

describe("logits of models drawn by real transformers", () => {
  test("equal its own, whatever the sizes, heads, biases, rotary base and dtype", async () => {
    const drawn = Array.from({ length: MODELS }, (_, seed) => ({
      folder: join(work, String(seed)),
      seed,
    }));
    const described = [runPython("draw_models.py", drawn)].flat();
    const differences: number[] = [];
    for (const [index, { folder }] of drawn.entries()) {
      const out = join(folder, "ours.safetensors");
      const { status, json } = runCli(
        "logits",
        folder,
        ...idsOf(described[index]).flatMap((ids) => ["--input-ids", ids]),
        "--out",
        out,
        "--device",
        "wasm",
      );
      expect({ status, error: json["error"] }).toEqual({ status: 0, error: undefined });
      const expected = await readF32(join(folder, "golden.safetensors"), ".logits");
      const found = await readF32(out, ".logits");
      expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
      for (const [name, logits] of expected) {
        differences.push(maxAbs(logits, found.get(name) ?? []));
      }
    }
    expect(differences).toHaveLength(3 * MODELS);
    expect(Math.max(...differences)).toBeLessThanOrEqual(TOLERANCE);
  });
});

function idsOf(described: unknown): readonly string[] {
  const ids = isRecord(described) ? described["ids"] : undefined;
  if (!Array.isArray(ids)) throw new Error("no prompts were drawn");
  return ids.map(String);
}
