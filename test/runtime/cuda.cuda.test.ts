import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generate } from "../../src/api/generate.ts";
import { verify } from "../../src/verify/run.ts";
import type { Backend } from "../../src/runtime/backends/backend.ts";
import { openNative } from "../../src/runtime/backends/native/open.ts";
import { generateIds } from "../../src/runtime/generation/generate-ids.ts";
import type { Ops } from "../../src/runtime/backends/ops.ts";
import { decodeRates } from "../support/decode-rates.ts";
import { FIXTURE_FOLDERS, FIXTURES } from "../support/fixture-manifest.ts";
import { distanceFromGolden, greedyIds } from "../support/golden-agreement.ts";
import { readGoldenPrompts } from "../support/golden-prompts.ts";
import { internlmConfig } from "../support/model-config.ts";
import { openDecoderOf } from "../support/open-decoder.ts";
import { tellFigures } from "../support/figures.ts";
import { ORACLES } from "../support/oracles.ts";

/** float32 sums in another order, on hidden states and logits below 10; TensorFloat-32 would be a thousand times off. */
const TOLERANCE = 5e-5;

/** What the driver says of its first GPU's memory, in MiB; this suite runs alone. */
function gpuMemory(what: "used" | "total"): number {
  const query = [`--query-gpu=memory.${what}`, "--format=csv,noheader,nounits"];
  return Number.parseInt(execFileSync("nvidia-smi", query, { encoding: "utf8" }), 10);
}

const TINY = join(FIXTURES, "internlm-tiny");

let backend: Backend;
let ops: Ops;
let isOpen = false;
beforeAll(async () => {
  // Fails where there is no device: a suite that was asked for by name must not skip.
  backend = await openNative({ device: "cuda", compute: "f32", verbose: false });
  ops = backend.ops;
  isOpen = true;
  process.stdout.write(`CUDA suite on ${ops.description}\n`);
});
afterAll(() => {
  // Undefined where there is no device: that failure is told already.
  if (isOpen) expect(ops.memory()).toEqual({ values: 0, bytes: 0 });
});

describe("on CUDA, logits, hidden states and greedy ids are the golden ones", () => {
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
      for (const { ids, greedy, penalized } of golden) {
        const count = greedy.length - ids.length;
        expect(await greedyIds(model.decoder, ids, count, 1)).toEqual(greedy);
        expect(await greedyIds(model.decoder, ids, count, 1.1)).toEqual(penalized);
      }
    } finally {
      await model.close();
    }
  });
});

describe("on CUDA", () => {
  test("both weight files of a folder are verified against each other", async () => {
    expect((await verify(TINY, { device: "cuda" })).verdict).toBe("pass");
  });

  test.each(["f32", "f16", "bf16"] as const)(
    "text is generated in %s; rate and memory are printed",
    async (compute) => {
      const {
        results,
        tokensPerSecond,
        peakMemoryBytes,
        backend: taken,
      } = await generate(TINY, {
        device: "cuda",
        compute,
        prompts: [{ kind: "ids", ids: [1, 5, 9] }],
        maxNewTokens: 64,
        stopIds: [],
      });
      const gpuMiB = gpuMemory("used");
      const hostMiB = Math.round(peakMemoryBytes / 2 ** 20);
      tellFigures(
        `${compute}: ${tokensPerSecond.toFixed(1)} tokens/s, GPU memory ${gpuMiB} MiB, host memory ${hostMiB} MiB, ${taken}`,
        { what: "generate", compute, tokensPerSecond, gpuMiB, hostMiB, backend: taken },
      );
      expect(results[0]?.newTokens).toBe(64);
    },
  );

  test.each(["f16", "bf16"] as const)(
    "a model of 7B's layers decodes in %s; rates and their share of the memory's are printed",
    async (compute) => {
      const half = await openNative({ device: "cuda", compute, verbose: false });
      // A layer takes 390 MiB; what is left is for the head, two arrays to add, and what TensorFlow keeps.
      const layers = Math.min(32, Math.floor((0.9 * gpuMemory("total") - 4000) / 390));
      const config = internlmConfig({ num_hidden_layers: layers });
      const rates = await decodeRates(half, config, 2 ** 28);
      half.ops.dispose();
      const gigabytes = (rate: number): string => ((rate * rates.weightBytes) / 1e9).toFixed(0);
      const share = ((100 * rates.graph * rates.weightBytes) / rates.bandwidth).toFixed(0);
      tellFigures(
        `${compute}, ${layers} layers of 7B: as a graph ${rates.graph.toFixed(1)} tokens/s (${gigabytes(rates.graph)} GB/s, ${share} % of the ${(rates.bandwidth / 1e9).toFixed(0)} GB/s of a sum of arrays), call by call ${rates.calls.toFixed(1)} tokens/s (${gigabytes(rates.calls)} GB/s)`,
        { what: "decode", compute, layers, ...rates },
      );
      expect(rates.graph).toBeGreaterThan(rates.calls);
    },
  );

  test("device memory is the same after 1 and after 100 tokens", async () => {
    const model = await openDecoderOf(TINY, backend, "resident");
    const run = async (maxNewTokens: number): Promise<void> => {
      for await (const _ of generateIds(model.decoder, [[1, 5, 9]], {
        maxNewTokens,
        stopIds: [],
        padId: 2,
      }));
    };
    await run(1);
    const before = ops.memory();
    await run(100);
    expect(ops.memory()).toEqual(before);
    await model.close();
  });
});
