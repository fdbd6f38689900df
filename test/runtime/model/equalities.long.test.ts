import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { generateIds } from "../../../src/runtime/generation/generate-ids.ts";
import { forward } from "../../../src/runtime/model/forward.ts";
import type { Backend } from "../../../src/runtime/backends/backend.ts";
import { openWasm } from "../../../src/runtime/backends/wasm/open.ts";
import { FIXTURE_FOLDERS, FIXTURES } from "../../support/fixture-manifest.ts";
import { greedyIds } from "../../support/golden-agreement.ts";
import { maxAbs } from "../../support/max-abs.ts";
import { openDecoderOf } from "../../support/open-decoder.ts";

const TINY = join(FIXTURES, "internlm-tiny");
/** Bound for the same sums in another order (products of few rows take another kernel); measured at most 3.9e-6 on logits below 10. */
const SUM_ORDER = 1e-5;

const PROMPTS = [[1], [1, 290, 31, 300, 44, 377, 378], [1, 17, 33, 49, 65, 81, 97, 113, 129, 145]];

/** The prompts with ids that a vocabulary of this size has. */
const within = (vocabSize: number): readonly (readonly number[])[] =>
  PROMPTS.map((prompt) => prompt.map((id) => id % vocabSize));

let backend: Backend;
beforeAll(async () => {
  backend = await openWasm();
});

async function logitsOf(path: string, residence: "resident" | "streamed"): Promise<Float32Array[]> {
  const { layerwise, close } = await openDecoderOf(path, backend, residence);
  try {
    return (await forward(layerwise, PROMPTS)).map(({ logits }) => logits);
  } finally {
    await close();
  }
}

describe("the same weights give the same logits to the bit", () => {
  const files = FIXTURE_FOLDERS.filter(
    ({ weights, golden }) => weights === "f16" && golden?.endsWith("f16.safetensors") === true,
  );

  test("whatever format and layout they are stored in", async () => {
    const expected = await logitsOf(join(TINY, "pytorch_model.bin"), "streamed");
    expect(files.length).toBeGreaterThan(20);
    for (const { name, path } of files) {
      expect({ name, logits: await logitsOf(path, "streamed") }).toEqual({
        name,
        logits: expected,
      });
    }
    const paddle = await logitsOf(join(TINY, "model_state.pdparams"), "streamed");
    expect(paddle).toEqual(expected);
  });

  test("streamed and resident, on the first pass and on the second", async () => {
    const expected = await logitsOf(TINY, "streamed");
    const { layerwise, close } = await openDecoderOf(TINY, backend, "resident");
    try {
      for (let pass = 0; pass < 2; pass++) {
        const logits = (await forward(layerwise, PROMPTS)).map((output) => output.logits);
        expect(logits).toEqual(expected);
      }
    } finally {
      await close();
    }
  });
});

describe("generation", () => {
  test.each(["internlm-tiny", "safetensors-ntk", "pytorch-gqa", "chatglm2"])(
    "one token at a time gives what full prefills give: %s",
    async (name) => {
      const { decoder, layerwise, close } = await openDecoderOf(join(FIXTURES, name), backend);
      try {
        const prompt = within(decoder.config.vocabSize)[1] ?? [];
        const seen: Float32Array[] = [];
        const ids = [...prompt];
        const steps = generateIds(decoder, [prompt], {
          maxNewTokens: 16, // past the 16 positions of the NTK fixture
          stopIds: [],
          padId: 2,
          onLogits: (_, logits) => seen.push(logits.slice()),
        });
        for await (const { id } of steps) ids.push(id);
        for (const [step, logits] of seen.entries()) {
          const length = prompt.length + step;
          const [whole] = await forward(layerwise, [ids.slice(0, length)], {
            positions: [[length - 1]],
          });
          expect(maxAbs(whole?.logits ?? [], logits)).toBeLessThan(SUM_ORDER);
        }
      } finally {
        await close();
      }
    },
  );

  test("keys cached before rotation are exact past the context where nothing above depends on them", async () => {
    // With one layer, keys and values depend on the embeddings alone, so that rotating the cache anew is the whole truth.
    const { decoder, layerwise, close } = await openDecoderOf(
      join(FIXTURES, "safetensors-ntk"),
      backend,
      "resident",
      (config) => ({ ...config, layers: 1 }),
    );
    try {
      const ids = [...(PROMPTS[1] ?? [])];
      const steps = generateIds(decoder, [[...ids]], {
        maxNewTokens: 20,
        stopIds: [],
        padId: 2,
        beyondContext: "cached",
        onLogits: (_, logits, known) => checks.push({ logits: logits.slice(), known: [...known] }),
      });
      const checks: { logits: Float32Array; known: readonly number[] }[] = [];
      for await (const { id } of steps) ids.push(id);
      expect(ids.length).toBeGreaterThan(decoder.config.maxPositions + 5);
      for (const { logits, known } of checks) {
        const [whole] = await forward(layerwise, [known], { positions: [[known.length - 1]] });
        expect(maxAbs(whole?.logits ?? [], logits)).toBeLessThan(SUM_ORDER);
      }
    } finally {
      await close();
    }
  });

  test.each(["internlm-tiny", "chatglm2"])(
    "prompts in one padded batch get the tokens that they get alone: %s",
    async (name) => {
      const { decoder, close } = await openDecoderOf(join(FIXTURES, name), backend, "resident");
      try {
        const prompts = within(decoder.config.vocabSize);
        const rows = prompts.map((prompt) => [...prompt]);
        const steps = generateIds(decoder, prompts, { maxNewTokens: 12, stopIds: [], padId: 2 });
        for await (const { prompt, id } of steps) rows[prompt]?.push(id);
        for (const [index, prompt] of prompts.entries()) {
          expect(rows[index]).toEqual(await greedyIds(decoder, prompt, 12, 1));
        }
      } finally {
        await close();
      }
    },
  );

  test("a padded batch's logits are those of the prompts alone", async () => {
    const { decoder, layerwise, close } = await openDecoderOf(TINY, backend, "resident");
    try {
      const alone = await forward(layerwise, PROMPTS, {
        positions: PROMPTS.map(({ length }) => [length - 1]),
      });
      const together: Float32Array[] = [];
      const steps = generateIds(decoder, PROMPTS, {
        maxNewTokens: 1,
        stopIds: [],
        padId: 377, // another pad id than usual: its value must not matter
        onLogits: (prompt, logits) => (together[prompt] = logits.slice()),
      });
      for await (const { finish } of steps) expect(finish).toBe("length");
      for (const [prompt, { logits }] of alone.entries()) {
        expect(maxAbs(logits, together[prompt] ?? [])).toBeLessThan(SUM_ORDER);
      }
    } finally {
      await close();
    }
  });
});
