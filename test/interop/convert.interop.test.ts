import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { runCli } from "../support/cli.ts";
import { convertedFacts, sha256Of } from "../support/converted.ts";
import { expectedWeights, FIXTURE_FOLDERS, FIXTURES } from "../support/fixture-manifest.ts";
import { isRecord } from "../support/is-record.ts";
import { ORACLES } from "../support/oracles.ts";
import { runPython } from "../support/python.ts";
import { storedFacts } from "../support/stored-facts.ts";

const work = mkdtempSync(join(tmpdir(), "weighbridge-convert-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const models = FIXTURE_FOLDERS.filter(({ weights }) => weights !== "none");
const SOURCES = [
  ...models.map(({ name, path, weights }) => ({ name, path, weights })),
  {
    name: "internlm-tiny/model_state.pdparams",
    path: join(FIXTURES, "internlm-tiny/model_state.pdparams"),
    weights: "f16",
  },
];

/** The class that a set of weights is converted to, where it is not LLaMA's. */
const STOCK: Readonly<Record<string, string>> = {
  chatglm2: "GlmForCausalLM",
  "glm-4-9b": "GlmForCausalLM",
  glm4: "Glm4ForCausalLM",
  qwen2: "Qwen2ForCausalLM",
  "qwen2-window": "Qwen2ForCausalLM",
  qwen3: "Qwen3ForCausalLM",
  mistral: "MistralForCausalLM",
  ernie4_5: "Ernie4_5ForCausalLM",
  "ernie4_5-bias": "Ernie4_5ForCausalLM",
  seed_oss: "SeedOssForCausalLM",
  phi3: "Phi3ForCausalLM",
  gemma: "GemmaForCausalLM",
  gemma2: "Gemma2ForCausalLM",
  gemma3: "Gemma3ForCausalLM",
  mixtral: "MixtralForCausalLM",
  qwen2_moe: "Qwen2MoeForCausalLM",
  qwen3_moe: "Qwen3MoeForCausalLM",
  ernie4_5_moe: "Ernie4_5_MoeForCausalLM",
  "ernie4_5_moe-every": "Ernie4_5_MoeForCausalLM",
  glm4_moe: "Glm4MoeForCausalLM",
  "glm4_moe-groups": "Glm4MoeForCausalLM",
  deepseek_v2: "DeepseekV2ForCausalLM",
  "deepseek_v2-yarn": "DeepseekV2ForCausalLM",
  deepseek_v3: "DeepseekV3ForCausalLM",
  "deepseek_v3-halves": "DeepseekV3ForCausalLM",
  gpt2: "GPT2LMHeadModel",
  opt: "OPTForCausalLM",
  bloom: "BloomForCausalLM",
};

/** Where a source was converted to. */
function convertedFolder(name: string): string {
  return join(work, name.replace("/", "-"));
}

/** Digest of model.safetensors by set of weights, each from the first source of that set. */
const digests = new Map<string, string>();

describe("every fixture converts to the weights that were saved", () => {
  test.each(SOURCES)("$name", ({ name, path, weights }) => {
    const out = convertedFolder(name);
    const { status, json, stderr } = runCli("convert", path, out);
    expect({ status, error: json["error"] }).toEqual({ status: 0, error: undefined });
    expect(json).toMatchObject({ schemaVersion: 1, command: "convert", ok: true, verified: true });
    expect(stderr).not.toMatch(/\n\s+at /); // no stack trace
    expect(convertedFacts(json)).toEqual(expectedWeights(weights));
    const digest = sha256Of(join(out, "model.safetensors"));
    // Whatever format and layout they came from, the same weights give the same bytes.
    digests.set(weights, digests.get(weights) ?? digest);
    expect(digest).toBe(digests.get(weights));
  });
});

/** Of logits up to 16, which torch sums in another order on another processor: 1.2e-5 was seen between AVX2 and AVX-512. */
const MOST = 3e-5;

describe("stock transformers loads what was converted", () => {
  // One of each architecture and spelling of the configuration.
  const goldens = models.filter(({ name }) =>
    [
      "internlm-tiny",
      "paddle-bf16",
      "pytorch-f32",
      "paddle-gqa-fused",
      "safetensors-ntk",
      "llama-decapoda",
      "llama-meta",
      "llama-paddle",
      "llama-tied",
      "llama-tied-bin",
      "llama-tied-paddle",
      "llama-bias",
      "llama-linear",
      "llama-dynamic",
      "alpaca",
      "llama2-meta",
      "llama3-meta",
      "baichuan",
      "baichuan-paddle",
      "chatglm2",
      "chatglm2-paddle",
      "chatglm2-paddle-legacy",
      "glm",
      "qwen2-paddle",
      ...models
        .filter(({ group }) => ["decoders", "plain", "experts"].includes(group))
        .map((one) => one.name),
    ].includes(name),
  );
  const clean = {
    missing: [],
    unexpected: [],
    mismatched: [],
    messages: [],
  };

  // The libraries are loaded once for many models, and no test takes as long as a busy machine lets all of them take.
  test.each(chunksOf(goldens, 12))(
    "without remote code or warnings, and its logits equal the goldens to 3e-5: %#",
    (...some) => {
      const folders = some.map(({ name, golden }) => ({ folder: convertedFolder(name), golden }));
      const loaded = runPython("load_transformers.py", folders);
      expect(loaded).toEqual(
        some.map(({ weights }) => {
          const stock = STOCK[weights] ?? "LlamaForCausalLM";
          return expect.objectContaining({ ...clean, class: stock }) as unknown;
        }),
      );
      expect(positionsOf(loaded).every((positions) => positions >= 30)).toBe(true);
      expect(worstOf(loaded)).toBeLessThanOrEqual(MOST);
    },
  );

  test("the models of InternLM's own code too, from torch's and from Paddle's file", () => {
    const folders = ORACLES.flatMap(({ name, folder: oracle, golden }) => {
      const files = readdirSync(oracle).filter((file) => /\.(bin|pdparams)$/.test(file));
      const converted = files.map((file) => {
        const folder = join(work, name, file);
        expect(runCli("convert", join(oracle, file), folder).status).toBe(0);
        return { folder, golden };
      });
      const bytes = converted.map(({ folder }) => sha256Of(join(folder, "model.safetensors")));
      expect(new Set(bytes).size).toBe(1);
      return converted;
    });
    expect(folders).toHaveLength(5);
    const loaded = runPython("load_transformers.py", folders);
    const llama = { ...clean, class: "LlamaForCausalLM" };
    expect(loaded).toEqual(folders.map(() => expect.objectContaining(llama) as unknown));
    expect(worstOf(loaded)).toBeLessThanOrEqual(MOST);
  });
});

function chunksOf<T>(list: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, chunk) =>
    list.slice(chunk * size, (chunk + 1) * size),
  );
}

function positionsOf(loaded: unknown): readonly number[] {
  if (!Array.isArray(loaded)) throw new Error("no list");
  return loaded.map((one: { positions: number }) => one.positions);
}

function worstOf(loaded: unknown): number {
  if (!Array.isArray(loaded)) throw new Error("no list");
  return Math.max(...loaded.map((one: { maxAbs: number }) => one.maxAbs));
}

describe("what other formats are written is read by their own libraries", () => {
  const source = join(FIXTURES, "paddle-a");
  const TARGETS = [
    { to: "pytorch", layout: "torch", file: "pytorch_model.bin", reader: "torch" },
    { to: "pytorch", layout: "paddle", file: "pytorch_model.bin", reader: "torch" },
    { to: "paddle", layout: "paddle", file: "model_state.pdparams", reader: "paddle" },
    { to: "paddle", layout: "torch", file: "model_state.pdparams", reader: "paddle" },
    { to: "safetensors", layout: "paddle", file: "model.safetensors", reader: "safetensors" },
  ] as const;

  test.each(TARGETS)(
    "$to in $layout layout, and back again",
    async ({ to, layout, file, reader }) => {
      const out = join(work, `to-${to}-${layout}`);
      expect(runCli("convert", source, out, "--to", to, "--layout", layout).json).toMatchObject({
        ok: true,
        verified: true,
      });
      const path = join(out, file);
      const [loaded] = [runPython("load_states.py", [{ path, reader }])].flat();
      expect(loaded).toEqual(await storedFacts(path));
      if (layout === "torch" && to === "pytorch") expect(loaded).toEqual(expectedWeights("f16"));
      const back = join(work, `back-${to}-${layout}`);
      const { json } = runCli("convert", out, back);
      expect(convertedFacts(json)).toEqual(expectedWeights("f16"));
    },
  );

  test("ChatGLM2 in PaddleNLP's names, with queries, keys and values in one tensor, and back again", async () => {
    const out = join(work, "glm-to-paddle");
    const { json } = runCli("convert", join(FIXTURES, "glm"), out, "--to", "paddle");
    expect(json).toMatchObject({ ok: true, verified: true });
    const path = join(out, "model_state.pdparams");
    const [loaded] = [runPython("load_states.py", [{ path, reader: "paddle" }])].flat();
    expect(loaded).toEqual(await storedFacts(path));
    const original = await storedFacts(join(FIXTURES, "chatglm2-paddle/model_state.pdparams"));
    const { "chatglm_v2.rotary_pos_emb.inv_freq": _computed, ...kept } = original;
    expect(loaded).toEqual(kept);
    const written: unknown = JSON.parse(readFileSync(join(out, "config.json"), "utf8"));
    const published: unknown = JSON.parse(
      readFileSync(join(FIXTURES, "chatglm2-paddle/config.json"), "utf8"),
    );
    // What the real file says and PaddleNLP's class reads; the rest is who wrote it.
    if (!isRecord(published)) throw new Error("no object");
    const { paddlenlp_version: _by, dtype: _named, ...read } = published;
    expect(written).toMatchObject(read);
    const back = runCli("convert", out, join(work, "glm-back"));
    expect(convertedFacts(back.json)).toEqual(expectedWeights("chatglm2"));
  });

  test.each(["F32", "BF16"])("casts to %s round as torch does", (dtype) => {
    const out = join(work, `cast-${dtype}`);
    expect(runCli("convert", join(FIXTURES, "pytorch-f32"), out, "--dtype", dtype).status).toBe(0);
    const [loaded] = [
      runPython("load_states.py", [
        { path: join(out, "model.safetensors"), reader: "safetensors" },
      ]),
    ].flat();
    // The bf16 set of the fixtures was rounded from the f32 set by its generator.
    expect(loaded).toEqual(expectedWeights(dtype === "F32" ? "f32" : "bf16"));
  });
});
