import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { generate } from "../../src/api/generate.ts";
import type { Activations } from "../../src/runtime/backends/ops.ts";
import { openTokenizer } from "../../src/runtime/tokenizer/tokenizer.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { isRecord } from "../support/is-record.ts";
import { llamaRuns, type Continued } from "../support/llama-runs.ts";
import { madeBy } from "../support/own-environment.ts";
import { TEXTS } from "../support/odd-texts.ts";
import { writeDrawn } from "../support/write-drawn.ts";

/** What is written for llama.cpp, held against llama.cpp itself: scripts/llama-cpp.mjs compiles it once, into a cache outside the tree. */
const work = mkdtempSync(join(tmpdir(), "weighbridge-llama-cpp-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const TYPES = ["F16", "Q8_0", "Q4_K_M", "Q6_K"] as const;
const MODELS = ["smollm2", "tiny"] as const;
const TOKENS = 16;

/** Fixtures of the families that are written. */
const STORED = [
  [
    "internlm-tiny",
    "internlm3",
    "baichuan",
    "llama-tied",
    "mixtral",
    "qwen2",
    "qwen3",
    "qwen3_moe",
  ],
  ["phi3", "glm", "chatglm2", "glm4", "glm4_moe", "seed_oss", "ernie4_5", "ernie4_5_moe", "gemma"],
  ["gpt2", "bloom", "deepseek_v3"],
].flat();
/** Families whose fixture has a setting that llama.cpp has no place for, and what is set in its place. */
const CHANGED: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  gemma2: { query_pre_attn_scalar: 12 },
  gemma3: { query_pre_attn_scalar: 12 },
  internlm2: { bias: false },
  mistral: { sliding_window: null },
  deepseek_v2: { q_lora_rank: 12, n_group: 1, topk_group: 1, topk_method: "greedy" },
  "deepseek_v2-yarn": {
    attention_bias: false,
    rope_parameters: {
      rope_type: "yarn",
      rope_theta: 10_000,
      factor: 4,
      original_max_position_embeddings: 64,
      beta_fast: 32,
      beta_slow: 1,
      mscale: 0.8,
      mscale_all_dim: 0.8,
    },
  },
  qwen2_moe: { decoder_sparse_step: 1, mlp_only_layers: [] },
};
const FAMILIES = [...STORED, ...Object.keys(CHANGED)];
const FAMILY_PROMPTS = [
  [5, 30, 17, 91],
  [2, 40, 3],
  [77, 8, 9, 25, 51, 52],
  [99],
  [11, 12, 13, 14, 15, 16, 17, 18],
  [33, 44, 5],
] as const;

/** "The capital of France is", and a question in the model's chat format. */
const PROMPTS = {
  smollm2: [
    [504, 3575, 282, 4649, 314],
    [1, 4093, 198, 1780, 314, 260, 3575, 282, 4649, 47, 2, 198, 1, 520, 9531, 198],
  ],
  tiny: [
    [5, 300, 17, 91],
    [2, 400, 3],
    [77, 8, 9, 250, 251, 252],
    [499],
    [11, 12, 13, 14, 15, 16, 17, 18],
    [333, 44, 5],
  ],
} as const;

/**
 * Leads in logits below which the likeliest token is left open; ids are compared up to the first of them. llama.cpp computes with float32
 * activations where weights are floats, and rounds them to int8, in blocks of 32 or 256, where weights are quantised; so do ours on request, in blocks of 32.
 */
const LEAD = { plain: 0.01, quantised: 0.5 } as const;

/** A LLaMA whose rows are whole blocks of 256. */
const TINY = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: 512,
  hidden_size: 256,
  intermediate_size: 512,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 256,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  tie_word_embeddings: false,
};

/** Its numbers in float32, so that llama.cpp computes with those and rounds no activations. */
const plainOf = (type: string): string => join(work, "tiny", `${type}-F32`, "model.gguf");

const familyFile = (family: string): string => join(work, "families", family, "model.gguf");

const fileOf = (model: string, type: string): string => join(work, model, type, "model.gguf");

let theirs: readonly (readonly Continued[])[] = [];
let theirTexts: readonly (readonly number[])[] = [];

beforeAll(async () => {
  const original = join(work, "original");
  await writeDrawn(original, TINY);
  const sources = { smollm2: madeBy("real-model.mjs"), tiny: original };
  for (const model of MODELS)
    for (const type of TYPES)
      await convert(sources[model], join(work, model, type), { to: "gguf", quantize: type });
  for (const type of TYPES)
    await convert(fileOf("tiny", type), join(plainOf(type), ".."), { to: "gguf", quantize: "F32" });
  for (const [family, changes] of Object.entries(CHANGED)) {
    const config: unknown = JSON.parse(readFileSync(join(FIXTURES, family, "config.json"), "utf8"));
    if (!isRecord(config)) throw new Error(`${family} has no configuration`);
    await writeDrawn(join(work, family), { ...config, ...changes });
  }
  for (const family of [...STORED, ...Object.keys(CHANGED)])
    await convert(
      join(family in CHANGED ? work : FIXTURES, family),
      join(familyFile(family), ".."),
      {
        to: "gguf",
        quantize: "F32",
      },
    );
  const work16 = { tokens: TOKENS };
  const files = [
    ...MODELS.flatMap((model) =>
      TYPES.map((type) => ({ path: fileOf(model, type), prompts: PROMPTS[model], ...work16 })),
    ),
    ...TYPES.map((type) => ({ path: plainOf(type), prompts: PROMPTS.tiny, ...work16 })),
    ...FAMILIES.map((family) => ({ path: familyFile(family), prompts: FAMILY_PROMPTS, ...work16 })),
  ];
  const found = llamaRuns(files, { path: fileOf("smollm2", "F16"), all: TEXTS });
  theirs = found.files;
  theirTexts = found.texts;
}, 1_800_000);

/** Ids that weighbridge goes on with. */
async function ours(
  model: (typeof MODELS)[number],
  type: (typeof TYPES)[number],
  activations?: Activations,
) {
  const { results, notes } = await generate(fileOf(model, type), {
    prompts: PROMPTS[model].map((ids) => ({ kind: "ids", ids: [...ids] })),
    maxNewTokens: TOKENS,
    stopIds: [],
    compute: "f32",
    activations,
    device: "cpu",
  });
  const inBlocks = notes.some((note) => note.includes("multiplied as they are stored"));
  expect(inBlocks).toBe(type !== "F16");
  return results.map(({ ids }, index) => ids.slice(PROMPTS[model][index]?.length));
}

/** Holds ids against llama.cpp's, each up to a near-tie. @returns how many were compared. */
function agreeing(own: readonly (readonly number[])[], index: number, lead: number): number {
  const expected = theirs[index] ?? [];
  expect(own).toHaveLength(expected.length);
  let compared = 0;
  for (const [row, { ids, ahead }] of expected.entries()) {
    const near = ahead.findIndex((one) => one < lead);
    const certain = near === -1 ? TOKENS : near;
    expect(own[row]?.slice(0, certain)).toEqual(ids.slice(0, certain));
    compared += certain;
  }
  return compared;
}

describe.each(TYPES)("written as GGUF in %s", (type) => {
  const place = TYPES.indexOf(type);
  const lead = type === "F16" ? LEAD.plain : LEAD.quantised;

  test("SmolLM2 is loaded by llama.cpp, which goes on with the same tokens", async () => {
    const compared = agreeing(await ours("smollm2", type), place, lead);
    expect(compared).toBeGreaterThanOrEqual(type === "F16" ? 2 * TOKENS : TOKENS / 2);
  });

  test("a tiny model, too; with its numbers in float32 all tokens are the same", async () => {
    const own = await ours("tiny", type);
    agreeing(own, TYPES.length + place, lead);
    const compared = agreeing(own, 2 * TYPES.length + place, LEAD.plain);
    expect(compared).toBeGreaterThanOrEqual(TOKENS);
  });
});

test.each(["Q8_0", "Q4_K_M", "Q6_K"] as const)(
  "with activations in int8 the tokens in %s are llama.cpp's, too",
  async (type) => {
    const own = await ours("smollm2", type, "int8");
    const compared = agreeing(own, TYPES.indexOf(type), LEAD.quantised);
    expect(compared).toBeGreaterThanOrEqual(TOKENS / 2);
  },
);

test.each(FAMILIES)("llama.cpp goes on with the same tokens of %s", async (family) => {
  const { results } = await generate(familyFile(family), {
    prompts: FAMILY_PROMPTS.map((ids) => ({ kind: "ids", ids: [...ids] })),
    maxNewTokens: TOKENS,
    stopIds: [],
    compute: "f32",
    device: "cpu",
  });
  const own = results.map(({ ids }, row) => ids.slice(FAMILY_PROMPTS[row]?.length));
  const compared = agreeing(own, 3 * TYPES.length + FAMILIES.indexOf(family), LEAD.plain);
  expect(compared).toBeGreaterThanOrEqual(2 * TOKENS);
});

test("llama.cpp makes the same ids of 50 texts with the tokenizer that is written", async () => {
  expect(TEXTS).toHaveLength(50);
  const tokenizer = await openTokenizer(fileOf("smollm2", "F16"));
  const own = TEXTS.map((text) => tokenizer.encode(text));
  expect(own).toEqual(theirTexts);
});
