import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { check } from "../../src/api/check.ts";
import { convert } from "../../src/api/convert.ts";
import { verify } from "../../src/verify/run.ts";
import { diff } from "../../src/verify/diff.ts";
import { inspect } from "../../src/api/inspect.ts";
import { openCheckpoint } from "../../src/formats/open.ts";
import { openModel } from "../../src/session/open-model.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { floatKey, ggufBytes, numberKey, textKey, type GgufKey } from "../support/gguf-bytes.ts";

const at = (name: string): string => join(FIXTURES, "gguf", name);
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-gguf-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function put(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

describe("quantised tensors", () => {
  it("are the numbers that gguf-py makes of them, to the bit", async () => {
    const result = await diff(at("types.gguf"), at("types.safetensors"), { architecture: "none" });
    expect(result.summary.identical).toBe(18);
    expect(result.tensors).toHaveLength(18);
  });

  it("give any range of their bytes", async () => {
    const { checkpoint } = await openCheckpoint(at("types.gguf"));
    try {
      for (const { name, source, quantised } of checkpoint.tensors.filter(
        (tensor) => tensor.quantised !== undefined,
      )) {
        const whole = await source.read(0, source.byteLength);
        for (const [begin, length] of [
          [0, 1],
          [127, 3],
          [1023, 2050],
          [source.byteLength - 5, 5],
        ] as const) {
          const part = await source.read(begin, length);
          expect([name, begin, part]).toEqual([name, begin, whole.slice(begin, begin + length)]);
        }
        expect(quantised?.type).toBe(name);
      }
    } finally {
      await checkpoint.close();
    }
  });

  it("are named by inspect with the bytes that they have in the file", async () => {
    const { tensors, notes, format } = await inspect(at("types.gguf"));
    expect(format).toBe("gguf");
    expect(tensors.find(({ name }) => name === "Q6_K")).toEqual({
      name: "Q6_K",
      dtype: "Q6_K",
      shape: [3, 512],
      bytes: 3 * 2 * 210,
    });
    expect(notes.join("\n")).toContain("stand for float32 numbers: 1 Q4_0, 1 Q4_1");
  });

  it("in big-endian order are refused by name", async () => {
    const path = put(
      "big-q8.gguf",
      ggufBytes({
        isBig: true,
        tensors: [{ name: "a", dimensions: [32], type: 8, offset: 0 }],
        data: new Uint8Array(64),
      }),
    );
    const error = await caught(() => openCheckpoint(path));
    expect([error.code, error.message]).toEqual(["WB4511", expect.stringContaining("big-endian")]);
  });
});

describe("a model that llama.cpp's converter wrote", () => {
  it.each([
    ["llama-tied.gguf", "llama-tied"],
    ["big.gguf", "llama-tied"],
    ["qwen2.gguf", "qwen2"],
  ])("%s converts to the weights and the settings that it was made of", async (file, original) => {
    const target = join(folder, `from-${file}`);
    const result = await convert(at(file), target, {});
    expect(result.verified).toBe(true);
    const { same, summary } = await diff(target, join(FIXTURES, original), {});
    expect([same, summary.differ]).toEqual([true, 0]);
    const model = await openModel(target);
    const expected = await openModel(join(FIXTURES, original));
    await model.checkpoint.close();
    await expected.checkpoint.close();
    const settings = ["rope", "headDim", "kvHeads", "rmsNormEps", "maxPositions"] as const;
    for (const name of settings) expect(model.config?.[name]).toEqual(expected.config?.[name]);
    expect(model.config?.tieWordEmbeddings).toBe(expected.config?.tieWordEmbeddings);
    expect(model.config?.eosTokenIds).toEqual(expected.config?.eosTokenIds);
  });

  it.each([
    "qwen3",
    "qwen3_moe",
    "mixtral",
    "phi3",
    "gemma",
    "gemma2",
    "gemma3",
    "glm4",
    "glm",
    "seed_oss",
    "ernie4_5",
    "internlm3",
    "ernie4_5_moe",
    "glm4_moe",
    "bloom",
    "deepseek_v2",
    "deepseek_v3",
  ])("%s has the weights of the folder that it was made of", async (family) => {
    const { same, summary } = await diff(at(`${family}.gguf`), join(FIXTURES, family), {});
    expect([same, summary.differ, summary.onlyLeft, summary.onlyRight]).toEqual([true, 0, 0, 0]);
  });

  it.each(
    [
      ["qwen3", "qwen3_moe", "mixtral", "phi3", "gemma", "glm4", "seed_oss", "ernie4_5"],
      ["internlm3", "ernie4_5_moe", "glm4_moe", "bloom", "deepseek_v2", "deepseek_v3"],
    ].flat(),
  )("%s computes the logits of the folder that it was made of", async (family) => {
    const { verdict } = await verify(at(`${family}.gguf`), {
      golden: join(FIXTURES, "goldens", `${family}.safetensors`),
      device: "wasm",
    });
    expect(verdict).toBe("pass");
  });

  it("needs no config.json, and heeds none beside it", async () => {
    copyFileSync(at("qwen2.gguf"), join(folder, "own.gguf"));
    writeFileSync(join(folder, "config.json"), '{"architectures": ["Other"]}');
    const { problems, architecture } = await check(join(folder, "own.gguf"));
    expect([architecture, problems]).toEqual(["Qwen2ForCausalLM", []]);
    rmSync(join(folder, "config.json"));
  });

  it("tells which parts of it a conversion does not carry over", async () => {
    const { dropped } = await convert(at("qwen2.gguf"), join(folder, "dropped"), {});
    expect(dropped.map(({ name, why }) => `${name}: ${why}`).join()).toContain(
      "GGUF metadata: config.json has what describes the network, the tokenizer is in files",
    );
  });
});

const SETTINGS: readonly GgufKey[] = [
  textKey("general.architecture", "llama"),
  numberKey("llama.context_length", 64),
  numberKey("llama.embedding_length", 8),
  numberKey("llama.block_count", 1),
  numberKey("llama.feed_forward_length", 8),
  numberKey("llama.attention.head_count", 2),
  floatKey("llama.attention.layer_norm_rms_epsilon", 1e-5),
];

function configured(name: string, ...more: readonly GgufKey[]): string {
  const tensors = [{ name: "token_embd.weight", dimensions: [8, 4], type: 0, offset: 0 }];
  const metadata = [...SETTINGS, ...more];
  return put(name, ggufBytes({ metadata, tensors, data: new Uint8Array(128) }));
}

async function configOf(path: string): Promise<Awaited<ReturnType<typeof openModel>>["config"]> {
  const { checkpoint, config } = await openModel(path);
  await checkpoint.close();
  return config;
}

describe("the settings of the metadata", () => {
  it("are those of config.json, with the defaults of the format", async () => {
    expect(await configOf(configured("plain.gguf"))).toMatchObject({
      architecture: "LlamaForCausalLM",
      vocabSize: 4,
      hiddenSize: 8,
      kvHeads: 2,
      headDim: 4,
      rmsNormEps: 1e-5,
      tieWordEmbeddings: true,
      rope: { theta: 10_000, scaling: { kind: "none" } },
    });
  });

  it("have linear and YaRN scaling", async () => {
    const factor = floatKey("llama.rope.scaling.factor", 4);
    const linear = configured("linear.gguf", textKey("llama.rope.scaling.type", "linear"), factor);
    expect((await configOf(linear))?.rope.scaling).toEqual({ kind: "linear", factor: 4 });
    const yarn = configured(
      "yarn.gguf",
      textKey("llama.rope.scaling.type", "yarn"),
      numberKey("llama.rope.scaling.original_context_length", 16),
      factor,
    );
    expect((await configOf(yarn))?.rope.scaling).toMatchObject({
      kind: "yarn",
      factor: 4,
      originalMaxPositions: 16,
    });
  });

  it.each([
    ["WB4702", "a key that is not known", numberKey("llama.attention.clamp_kqv", 8)],
    ["WB4702", "a part of the head that is rotated", numberKey("llama.rope.dimension_count", 2)],
    ["WB4702", "a scaling that is not known", textKey("llama.rope.scaling.type", "longrope")],
    ["WB3701", "a number that is a text", textKey("llama.rope.freq_base", "many")],
  ])("%s: refuse %s", async (code, what, key) => {
    const path = configured(`${what.replaceAll(" ", "-")}.gguf`, key);
    expect((await caught(() => configOf(path))).code).toBe(code);
  });

  it("of an architecture that is not described name it", async () => {
    const path = put(
      "mamba.gguf",
      ggufBytes({ metadata: [textKey("general.architecture", "mamba")] }),
    );
    const error = await caught(() => configOf(path));
    expect([error.code, error.message]).toEqual(["WB4701", expect.stringContaining("mamba")]);
  });
});

describe("rotary factors", () => {
  it("that no setting gives are refused, not ignored", async () => {
    const bytes = Buffer.from(readFileSync(at("llama-tied.gguf")));
    const { checkpoint } = await openCheckpoint(at("llama-tied.gguf"));
    const factors = checkpoint.tensors.find(({ name }) => name === "rope_freqs.weight");
    await checkpoint.close();
    bytes.writeFloatLE(3, factors?.byteOffset);
    const path = put("factors.gguf", bytes);
    expect((await caught(() => configOf(path))).code).toBe("WB4702");
  });
});
