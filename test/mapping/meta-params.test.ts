import { describe, expect, it } from "vitest";
import { ConfigFields } from "../../src/model/config/fields.ts";
import { metaConfig } from "../../src/model/config/meta-params.ts";
import { resolveModelConfig } from "../../src/model/config/parse.ts";
import type { ModelConfig } from "../../src/model/config/model-config.ts";
import type { StoredTensor } from "../../src/tensor/table.ts";
import { caught } from "../support/caught.ts";
import { memoryTensor } from "../support/memory-checkpoint.ts";

const LLAMA_7B = { dim: 4096, multiple_of: 256, n_heads: 32, n_layers: 32, norm_eps: 1e-6 };
const LLAMA2_70B = {
  dim: 8192,
  multiple_of: 4096,
  ffn_dim_multiplier: 1.3,
  n_heads: 64,
  n_kv_heads: 8,
  n_layers: 80,
  norm_eps: 1e-5,
};
const LLAMA31_8B = {
  dim: 4096,
  n_layers: 32,
  n_heads: 32,
  n_kv_heads: 8,
  vocab_size: 128_256,
  ffn_dim_multiplier: 1.3,
  multiple_of: 1024,
  norm_eps: 1e-5,
  rope_theta: 500_000,
  use_scaled_rope: true,
};

/** Shapes of a file's tensors; nothing is read of them. */
function tensors(shapes: Readonly<Record<string, readonly number[]>>): readonly StoredTensor[] {
  return Object.entries(shapes).map(([name, shape]) =>
    memoryTensor(name, "BF16", shape, new Uint8Array(0)),
  );
}

function configOf(params: object, stored: readonly StoredTensor[] = []): ModelConfig {
  const { fields } = metaConfig(JSON.stringify(params), "params.json", stored);
  return resolveModelConfig(new ConfigFields(fields, "params.json"));
}

/** What one of two ranks has of a model with a hidden size of 64. */
const rank = (embeddings: readonly number[]): readonly StoredTensor[] =>
  tensors({
    "tok_embeddings.weight": embeddings,
    "output.weight": [160, 64],
    "layers.0.attention.wo.weight": [64, 32],
    "layers.0.feed_forward.w1.weight": [100, 64],
  });

const noteOf = (params: object): string =>
  metaConfig(JSON.stringify(params), "params.json", []).note;

describe("params.json of Meta's own files", () => {
  it("gives the sizes that are published of LLaMA-7B, LLaMA-2-70B and Llama-3.1-8B", () => {
    expect(configOf({ ...LLAMA_7B, vocab_size: 32_000 })).toMatchObject({
      family: "llama",
      intermediateSize: 11_008,
      kvHeads: 32,
      headDim: 128,
      rmsNormEps: 1e-6,
      maxPositions: 2048,
      bosTokenId: 1,
      eosTokenIds: [2],
      rope: { theta: 10_000, scaling: { kind: "none" } },
    });
    expect(configOf({ ...LLAMA2_70B, vocab_size: 32_000 })).toMatchObject({
      intermediateSize: 28_672,
      kvHeads: 8,
      maxPositions: 4096,
    });
    expect(configOf(LLAMA31_8B)).toMatchObject({
      intermediateSize: 14_336,
      maxPositions: 131_072,
      bosTokenId: 128_000,
      eosTokenIds: [128_001, 128_008, 128_009],
      rope: { theta: 500_000, scaling: { kind: "llama3", factor: 8, originalMaxPositions: 8192 } },
    });
  });

  it.each([
    ["the first LLaMA", { ...LLAMA_7B, vocab_size: 32_000 }, "LLaMA, 2048"],
    [
      "LLaMA-65B, whose norm_eps is LLaMA 2's",
      { ...LLAMA2_70B, n_kv_heads: undefined, vocab_size: 32_000 },
      "LLaMA, 2048",
    ],
    ["LLaMA 2", { ...LLAMA_7B, norm_eps: 1e-5, vocab_size: 32_000 }, "LLaMA 2, 4096"],
    [
      "Code Llama",
      { ...LLAMA_7B, norm_eps: 1e-5, rope_theta: 1e6, vocab_size: 32_016 },
      "Code Llama, 16384",
    ],
    ["LLaMA 3", { ...LLAMA31_8B, use_scaled_rope: undefined }, "LLaMA 3, 8192"],
    ["LLaMA 3.1", LLAMA31_8B, "LLaMA 3.1 or later, 131072"],
  ])("tells %s, and says so", (_name, params, taken) => {
    expect(noteOf(params)).toContain(`taken to be ${taken} positions`);
  });

  it("scales the rotary of the small models of LLaMA 3.2 by 32", () => {
    const small = { ...LLAMA31_8B, dim: 2048, ffn_dim_multiplier: 1.5, multiple_of: 256 };
    expect(configOf(small).rope.scaling).toMatchObject({ kind: "llama3", factor: 32 });
    expect(configOf(small).intermediateSize).toBe(8192);
  });

  const params = { dim: 64, n_heads: 4, n_layers: 1, norm_eps: 1e-5, vocab_size: -1 };

  it("leaves a vocabulary of -1 and the feed-forward size to the tensors of all ranks", () => {
    for (const embeddings of [
      [320, 32],
      [160, 64],
    ]) {
      const config = configOf(params, [...rank(embeddings), ...rank(embeddings)]);
      expect([config.vocabSize, config.intermediateSize]).toEqual([320, 200]);
      expect(config.tieWordEmbeddings).toBe(false);
    }
  });

  it("without output.weight is a model with a tied head, whose vocabulary the embeddings tell", () => {
    const tied = tensors({ "tok_embeddings.weight": [320, 32] });
    expect(configOf(params, [...tied, ...tied])).toMatchObject({
      vocabSize: 320,
      tieWordEmbeddings: true,
    });
  });

  it("asks for the parts that are missing", async () => {
    const error = await caught(() => configOf(params, rank([320, 32])));
    expect(error.code).toBe("WB3704");
    expect(error.message).toBe(
      "params.json: the weights are 1 of 2 tensor-parallel parts: expected consolidated.00.pth to " +
        "consolidated.01.pth in this folder, and the folder's path for all of them",
    );
  });

  it.each([
    [{ ...LLAMA_7B, vocab_size: -1 }, "WB3701", "vocab_size: expected a whole number above 0"],
    [{ ...LLAMA_7B, dim: undefined }, "WB3701", "dim: expected a whole number above 0"],
    [{ ...LLAMA31_8B, quantization_args: {} }, "WB4702", "quantization_args is not supported"],
    [{ ...LLAMA31_8B, vision_chunk_size: 448 }, "WB4702", "vision_chunk_size is not supported"],
    [{ ...LLAMA31_8B, moe: { num_experts: 8 } }, "WB4702", "moe is not supported"],
  ])("%j is refused with %s", async (refused, code, message) => {
    const error = await caught(() => configOf(refused));
    expect(error.message).toContain(message);
    expect(error.code).toBe(code);
  });

  it("may be below `model`", () => {
    expect(configOf({ model: LLAMA31_8B }).hiddenSize).toBe(4096);
  });
});
