import { beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../../src/runtime/backends/backend.ts";
import { openWasm } from "../../../src/runtime/backends/wasm/open.ts";
import { FIXTURE_FOLDERS } from "../../support/fixture-manifest.ts";
import { distanceFromGolden, greedyIds } from "../../support/golden-agreement.ts";
import { readGoldenPrompts } from "../../support/golden-prompts.ts";
import { openDecoderOf } from "../../support/open-decoder.ts";
import { ORACLES } from "../../support/oracles.ts";

/** float32 sums in another order, on hidden states and logits below 10. */
const TOLERANCE = 5e-5;

let backend: Backend;
beforeAll(async () => {
  backend = await openWasm();
});

const folders = FIXTURE_FOLDERS.flatMap(({ name, path, golden }) =>
  golden === undefined ? [] : [{ name, folder: path, golden }],
);

async function checkGoldens(folder: string, goldenPath: string): Promise<void> {
  const golden = await readGoldenPrompts(goldenPath);
  expect(golden.length).toBeGreaterThan(0);
  const { decoder, layerwise, close } = await openDecoderOf(folder, backend, "resident");
  try {
    const { logits, hiddenStates } = await distanceFromGolden(layerwise, golden);
    expect(logits).toBeLessThanOrEqual(TOLERANCE);
    expect(hiddenStates).toBeLessThanOrEqual(TOLERANCE);
    for (const { ids, greedy, penalized } of decoder.config.encoder === undefined ? golden : []) {
      expect(greedy.length).toBeGreaterThan(ids.length);
      expect(await greedyIds(decoder, ids, greedy.length - ids.length, 1)).toEqual(greedy);
      expect(await greedyIds(decoder, ids, penalized.length - ids.length, 1.1)).toEqual(penalized);
    }
  } finally {
    await close();
  }
}

describe("on wasm, logits, hidden states and greedy ids are the golden ones", () => {
  test.each(folders)("of fixture $name", async ({ folder, golden }) => {
    await checkGoldens(folder, golden);
  });

  test.each(ORACLES)("of InternLM's own modeling code: $name", async ({ folder, golden }) => {
    await checkGoldens(folder, golden);
  });
});
