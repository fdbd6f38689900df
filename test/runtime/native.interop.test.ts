import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { join } from "node:path";
import { generateIds } from "../../src/runtime/generation/generate-ids.ts";
import { forward } from "../../src/runtime/model/forward.ts";
import type { Backend } from "../../src/runtime/backends/backend.ts";
import { openNative } from "../../src/runtime/backends/native/open.ts";
import type { Ops } from "../../src/runtime/backends/ops.ts";
import { FIXTURE_FOLDERS, FIXTURES } from "../support/fixture-manifest.ts";
import { distanceFromGolden, greedyIds } from "../support/golden-agreement.ts";
import { readGoldenPrompts } from "../support/golden-prompts.ts";
import { maxAbs } from "../support/max-abs.ts";
import { openDecoderOf } from "../support/open-decoder.ts";
import { ORACLES } from "../support/oracles.ts";

/** float32 sums in another order, on hidden states and logits below 10. */
const TOLERANCE = 5e-5;

const TINY = join(FIXTURES, "internlm-tiny");
const PROMPT = [1, 290, 31, 300, 44, 377, 378];

let backend: Backend;
let ops: Ops;
beforeAll(async () => {
  // Fails, rather than skips, where `weighbridge native install` was not run.
  backend = await openNative({ device: "cpu", compute: "f32", verbose: false });
  ops = backend.ops;
});
afterAll(() => {
  expect(ops.memory()).toEqual({ values: 0, bytes: 0 });
});

describe("on native TensorFlow, logits, hidden states and greedy ids are the golden ones", () => {
  const folders = FIXTURE_FOLDERS.flatMap(({ name, path, golden }) =>
    golden === undefined ? [] : [{ name, folder: path, golden }],
  );
  test.each([...folders, ...ORACLES])("of $name", async ({ folder, golden: path }) => {
    const golden = await readGoldenPrompts(path);
    const model = await openDecoderOf(folder, backend, "resident");
    try {
      const { logits, hiddenStates } = await distanceFromGolden(model.layerwise, golden);
      expect(logits).toBeLessThanOrEqual(TOLERANCE);
      expect(hiddenStates).toBeLessThanOrEqual(TOLERANCE);
      const isEncoder = model.decoder.config.encoder !== undefined;
      for (const { ids, greedy, penalized } of isEncoder ? [] : golden) {
        const count = greedy.length - ids.length;
        expect(await greedyIds(model.decoder, ids, count, 1)).toEqual(greedy);
        expect(await greedyIds(model.decoder, ids, count, 1.1)).toEqual(penalized);
      }
    } finally {
      await model.close();
    }
  });
});

async function logitsOf(path: string, residence: "resident" | "streamed"): Promise<Float32Array> {
  const model = await openDecoderOf(path, backend, residence);
  try {
    const [output] = await forward(model.layerwise, [PROMPT]);
    return output?.logits ?? new Float32Array(0);
  } finally {
    await model.close();
  }
}

describe("the same weights", () => {
  test("streamed and resident give the same logits to the bit", async () => {
    expect(await logitsOf(TINY, "streamed")).toEqual(await logitsOf(TINY, "resident"));
  });

  test("that are stored as [out, in] give the same logits to the bit, from any format", async () => {
    const expected = await logitsOf(join(TINY, "pytorch_model.bin"), "resident");
    for (const name of ["safetensors-single", "paddle-d", "paddle-a", "pytorch-legacy"]) {
      expect(await logitsOf(join(FIXTURES, name), "resident")).toEqual(expected);
    }
  });

  test("that are stored as [in, out] are multiplied by another kernel, at most 1e-5 apart", async () => {
    const expected = await logitsOf(join(TINY, "pytorch_model.bin"), "resident");
    const distance = maxAbs(expected, await logitsOf(join(FIXTURES, "paddle-e"), "resident"));
    expect(distance).toBeLessThan(1e-5);
  });
});

test("memory is the same after 1 and after 100 tokens, and after an abort", async () => {
  const model = await openDecoderOf(TINY, backend, "resident");
  const run = async (maxNewTokens: number, signal?: AbortSignal): Promise<void> => {
    const options = { maxNewTokens, stopIds: [], padId: 2, signal };
    let count = 0;
    for await (const _ of generateIds(model.decoder, [PROMPT, [1]], options)) {
      count++;
      if (count === 9 && signal !== undefined) return;
    }
  };
  await run(1);
  const before = ops.memory();
  await run(100);
  expect(ops.memory()).toEqual(before);
  await run(100, new AbortController().signal);
  expect(ops.memory()).toEqual(before);
  await expect(run(100, AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
  expect(ops.memory()).toEqual(before);
  await model.close();
});
