import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generate } from "../../src/api/generate.ts";
import { verify } from "../../src/api/verify.ts";
import { openNativeOps } from "../../src/runtime/native-open.ts";
import { generateIds } from "../../src/runtime/generation/generate-ids.ts";
import type { Ops } from "../../src/runtime/ops.ts";
import { FIXTURE_FOLDERS, FIXTURES } from "../support/fixture-manifest.ts";
import { distanceFromGolden, greedyIds } from "../support/golden-agreement.ts";
import { readGoldenPrompts } from "../support/golden-prompts.ts";
import { openDecoderOf } from "../support/open-decoder.ts";
import { SHARED_ORACLES } from "../support/shared-oracles.ts";

/** float32 sums in another order, on hidden states and logits below 10; TensorFloat-32 would be a thousand times off. */
const TOLERANCE = 5e-5;

/** What the driver says that all of its GPUs' programs have taken, in MiB; this suite runs alone. */
function usedGpuMemory(): string {
  const query = ["--query-gpu=memory.used", "--format=csv,noheader,nounits"];
  return execFileSync("nvidia-smi", query, { encoding: "utf8" }).trim();
}

const TINY = join(FIXTURES, "internlm-tiny");

let ops: Ops;
let isOpen = false;
beforeAll(async () => {
  // Fails where there is no device: a suite that was asked for by name must not skip.
  ops = await openNativeOps({ device: "cuda", compute: "f32", verbose: false });
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
  const oracles = SHARED_ORACLES.filter(({ present }) => present);

  test.each([...folders, ...oracles])("of $name", async ({ folder, golden: path }) => {
    const golden = await readGoldenPrompts(path);
    const model = await openDecoderOf(folder, ops, "resident");
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
      const { results, tokensPerSecond, peakMemoryBytes, backend } = await generate(TINY, {
        device: "cuda",
        compute,
        prompts: [{ kind: "ids", ids: [1, 5, 9] }],
        maxNewTokens: 64,
        stopIds: [],
      });
      process.stdout.write(
        `${compute}: ${tokensPerSecond.toFixed(1)} tokens/s, GPU memory ${usedGpuMemory()} MiB, host memory ${(peakMemoryBytes / 2 ** 20).toFixed(0)} MiB, ${backend}\n`,
      );
      expect(results[0]?.newTokens).toBe(64);
    },
  );

  test("device memory is the same after 1 and after 100 tokens", async () => {
    const model = await openDecoderOf(TINY, ops, "resident");
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
