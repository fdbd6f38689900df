import { describe, expect, it } from "vitest";
import { parseModelConfig } from "../../src/model/config/parse.ts";
import { caught } from "../support/caught.ts";
import { internlmConfig, internlmConfigText } from "../support/model-config.ts";

function llama(fields: Readonly<Record<string, unknown>>) {
  const text = JSON.stringify({
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    vocab_size: 32000,
    hidden_size: 4096,
    intermediate_size: 11008,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    ...fields,
  });
  return parseModelConfig(text, "config.json");
}

describe("InternLM's config.json", () => {
  it("of July 2023 has plain rotary with base 10000 and biases in attention only", () => {
    const { raw: _raw, ...config } = internlmConfig();
    expect(config).toEqual({
      family: "internlm",
      architecture: "InternLMForCausalLM",
      vocabSize: 103168,
      hiddenSize: 4096,
      intermediateSize: 11008,
      layers: 32,
      heads: 32,
      kvHeads: 32,
      headDim: 128,
      rmsNormEps: 1e-6,
      maxPositions: 2048,
      rope: { theta: 10000, scaling: { kind: "none" } },
      rotaryDims: 128,
      rotaryPairs: "halves",
      attentionBias: true,
      mlpBias: false,
      tieWordEmbeddings: false,
      bosTokenId: 1,
      eosTokenIds: [2],
      padTokenId: 0,
      torchDtype: "F16",
    });
  });

  it.each([
    ["of November 2023", { rotary: { base: 10000, type: "dynamic" } }, 1],
    [
      "of November 2023, factor 2",
      { rotary: { base: 10000, type: "dynamic", scaling_factor: 2 } },
      2,
    ],
    ["whose rotary names no type", { rotary: { base: 10000 } }, 1],
    ["of December 2023", { rope_theta: 10000, rope_scaling: { type: "dynamic", factor: 1.0 } }, 1],
  ])("%s has dynamic NTK over the whole cache", (_name, fields, factor) => {
    expect(internlmConfig(fields).rope).toEqual({
      theta: 10000,
      scaling: { kind: "dynamic-ntk", factor, wholeCache: true },
    });
  });

  it.each([
    ["rotary of type origin", { rotary: { base: 50000, type: "origin" } }, 50000],
    ["rope_scaling null", { rope_theta: 50000, rope_scaling: null }, 50000],
    ["rope_scaling default", { rope_scaling: { rope_type: "default" } }, 10000],
  ])("with %s has plain rotary", (_name, fields, theta) => {
    expect(internlmConfig(fields).rope).toEqual({ theta, scaling: { kind: "none" } });
  });

  it("takes pad 0, pad 2, a missing bias field, and null key-value heads", () => {
    expect(internlmConfig({ pad_token_id: 2 }).padTokenId).toBe(2);
    expect(internlmConfig({ bias: undefined }).attentionBias).toBe(true);
    expect(internlmConfig({ bias: false }).attentionBias).toBe(false);
    expect(internlmConfig({ num_key_value_heads: null }).kvHeads).toBe(32);
    expect(internlmConfig({ num_key_value_heads: 8 }).kvHeads).toBe(8);
  });

  it("is known by its class, its model type, or either", () => {
    expect(internlmConfig({ architectures: undefined }).architecture).toBe("InternLMForCausalLM");
    expect(internlmConfig({ model_type: undefined }).family).toBe("internlm");
  });
});

describe("LLaMA's config.json", () => {
  it("has no biases unless it says so, and every spelling of rotary scaling", () => {
    expect(llama({}).attentionBias).toBe(false);
    expect(llama({ attention_bias: true, mlp_bias: true })).toMatchObject({
      attentionBias: true,
      mlpBias: true,
    });
    const dynamic = { kind: "dynamic-ntk", factor: 2, wholeCache: false };
    const old = llama({ rope_scaling: { type: "dynamic", factor: 2.0 } });
    const recent = llama({ rope_parameters: { rope_type: "dynamic", factor: 2, rope_theta: 5e5 } });
    expect([old.rope.scaling, recent.rope.scaling]).toEqual([dynamic, dynamic]);
    expect(recent.rope.theta).toBe(500000);
    expect(llama({ rope_scaling: { type: "linear", factor: 4 } }).rope.scaling).toEqual({
      kind: "linear",
      factor: 4,
    });
  });

  it("of Llama 3.1 and of YaRN gives all their numbers", () => {
    const llama3 = {
      rope_type: "llama3",
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    };
    expect(llama({ rope_theta: 5e5, rope_scaling: llama3 }).rope.scaling).toEqual({
      kind: "llama3",
      factor: 8,
      lowFreqFactor: 1,
      highFreqFactor: 4,
      originalMaxPositions: 8192,
    });
    const yarn = { rope_type: "yarn", factor: 4, original_max_position_embeddings: 4096 };
    const { scaling } = llama({ rope_parameters: yarn }).rope;
    expect(scaling).toMatchObject({ kind: "yarn", betaFast: 32, betaSlow: 1 });
    expect(scaling.kind === "yarn" && scaling.attentionFactor).toBeCloseTo(0.1 * Math.log(4) + 1);
  });

  it("reads rotary settings in transformers' order, each with what it falls back to", () => {
    const both = {
      rope_theta: 3e4,
      rope_scaling: { rope_type: "linear", factor: 2 },
      rope_parameters: { rope_type: "linear", factor: 3, rope_theta: 5e5 },
    };
    expect(llama(both).rope).toEqual({ theta: 3e4, scaling: { kind: "linear", factor: 2 } });
    expect(llama({ ...both, rope_scaling: {} }).rope).toEqual({
      theta: 5e5,
      scaling: { kind: "linear", factor: 3 },
    });
    const stretched = { rope_type: "yarn", original_max_position_embeddings: 512 };
    // 2048 positions from 512, and from the outer field where both are written.
    expect(llama({ rope_scaling: stretched }).rope.scaling).toMatchObject({ factor: 4 });
    const outer = { original_max_position_embeddings: 1024, rope_scaling: stretched };
    expect(llama(outer).rope.scaling).toMatchObject({ factor: 2, originalMaxPositions: 1024 });
  });

  it("takes YaRN's amplitude from mscale where both are written, and from attention_factor first", () => {
    const yarn = { rope_type: "yarn", factor: 40, mscale: 0.72, mscale_all_dim: 1 };
    const amplitudeOf = (fields: object): unknown => {
      const { scaling } = llama({ rope_scaling: { ...yarn, ...fields } }).rope;
      return scaling.kind === "yarn" ? scaling.attentionFactor : undefined;
    };
    const log = 0.1 * Math.log(40);
    expect(amplitudeOf({})).toBeCloseTo((0.72 * log + 1) / (log + 1), 12);
    expect(amplitudeOf({ mscale_all_dim: undefined })).toBeCloseTo(log + 1, 12);
    // transformers asks `if mscale and mscale_all_dim`.
    expect(amplitudeOf({ mscale_all_dim: 0 })).toBeCloseTo(log + 1, 12);
    expect(amplitudeOf({ mscale: 0 })).toBeCloseTo(log + 1, 12);
    expect(amplitudeOf({ attention_factor: 0.5 })).toBe(0.5);
  });

  it("takes lists of end tokens, negative padding for none, and a head size of its own", () => {
    const config = llama({
      eos_token_id: [2, 5],
      pad_token_id: -1,
      head_dim: 64,
      dtype: "bfloat16",
    });
    expect(config).toMatchObject({ eosTokenIds: [2, 5], padTokenId: undefined, headDim: 64 });
    expect(config.torchDtype).toBe("BF16");
  });
});

describe("a config.json that contradicts itself", () => {
  it.each([
    [
      { hidden_size: undefined },
      "WB3701",
      "hidden_size: expected a whole number above 0, found nothing",
    ],
    [
      { hidden_size: "4096" },
      "WB3701",
      'hidden_size: expected a whole number above 0, found "4096"',
    ],
    [
      { num_hidden_layers: 1.5 },
      "WB3701",
      "num_hidden_layers: expected a whole number above 0, found 1.5",
    ],
    [
      { num_attention_heads: 24 },
      "WB3701",
      "num_attention_heads: expected a divisor of hidden_size 4096, found 24",
    ],
    [
      { num_key_value_heads: 5 },
      "WB3701",
      "num_key_value_heads: expected a divisor of num_attention_heads 32, found 5",
    ],
    [
      { head_dim: 127 },
      "WB3701",
      "head_dim: expected an even number, since rotary embeddings rotate pairs, found 127",
    ],
    [{ rms_norm_eps: 0 }, "WB3701", "rms_norm_eps: expected a number above 0, found 0"],
    [{ bias: "yes" }, "WB3701", 'bias: expected true or false, found "yes"'],
    [{ eos_token_id: [1.5] }, "WB3701", "eos_token_id: expected token ids, found [1.5]"],
    [
      { rotary: { type: "static" } },
      "WB3701",
      'rotary: type: expected "dynamic" or "origin", found "static"',
    ],
    [{ rope_scaling: [] }, "WB3701", "rope_scaling: expected an object, found []"],
    [
      { rope_scaling: { type: "spiral", factor: 2 } },
      "WB4702",
      'rope type "spiral" is not supported',
    ],
    [
      { rope_scaling: { type: "linear" } },
      "WB3701",
      "rope_scaling: factor: expected a number above 0, found nothing",
    ],
    [
      { rope_scaling: { rope_type: "llama3", factor: 8 } },
      "WB3701",
      "rope_scaling: low_freq_factor: expected a number above 0, found nothing",
    ],
    [
      { rope_scaling: { type: "longrope", factor: 2 } },
      "WB3701",
      "rope_scaling: short_factor: expected a list of numbers above 0, found nothing",
    ],
    [
      { partial_rotary_factor: 0.5, rope_scaling: { type: "linear", factor: 2 } },
      "WB4702",
      "partial_rotary_factor 0.5 is not supported",
    ],
    [
      { rope_parameters: { rope_type: "linear", factor: 2, partial_rotary_factor: 0.25 } },
      "WB4702",
      "rope_parameters: partial_rotary_factor 0.25 is not supported",
    ],
    [{ hidden_act: "mish" }, "WB4702", 'hidden_act "mish" is not supported'],
    [
      { architectures: ["T5ForConditionalGeneration"], model_type: "t5" },
      "WB4701",
      "architecture T5ForConditionalGeneration is not supported",
    ],
  ])("%j is refused with %s", async (fields, code, message) => {
    const error = await caught(() => internlmConfig(fields));
    expect(error.message).toContain(message);
    expect(error.code).toBe(code);
  });

  it.each(["", "[]", "null", "{", "12"])("%j is refused", async (text) => {
    expect((await caught(() => parseModelConfig(text, "config.json"))).code).toBe("WB3701");
  });

  it("takes Python's NaN and Infinity in fields that do not matter", () => {
    const text = internlmConfigText({ extra: 1 }).replace('"extra":1', '"extra": [NaN, -Infinity]');
    expect(parseModelConfig(text, "config.json").layers).toBe(32);
  });
});

const baichuan = (fields: object): string =>
  internlmConfigText({
    architectures: ["BaiChuanForCausalLM"],
    model_type: "baichuan",
    bias: undefined,
    vocab_size: 64_000,
    max_position_embeddings: 4096,
    ...fields,
  });

describe("a config.json of Baichuan", () => {
  it.each(["BaiChuanForCausalLM", "BaichuanForCausalLM"])("of the 7B is %s's", (name) => {
    const config = parseModelConfig(baichuan({ architectures: [name] }), "config.json");
    expect(config).toMatchObject({ family: "baichuan", architecture: name, attentionBias: false });
  });

  it.each([
    [
      "the 13B, which has another field for its context",
      { max_position_embeddings: undefined, model_max_length: 4096, hidden_size: 5120 },
      "model_max_length without max_position_embeddings is Baichuan-13B, whose ALiBi",
    ],
    [
      "the 13B with a field that was added",
      { hidden_size: 5120, num_attention_heads: 40 },
      "hidden_size 5120 is Baichuan-13B, whose ALiBi",
    ],
    [
      "the second generation by its loss",
      { z_loss_weight: 0, vocab_size: 1000 },
      "z_loss_weight 0 is Baichuan2, whose normalised lm_head",
    ],
    [
      "the second generation by its vocabulary",
      { vocab_size: 125_696 },
      "vocab_size 125696 is Baichuan2, whose normalised lm_head",
    ],
  ])("of %s is refused", async (_name, fields, message) => {
    const error = await caught(() => parseModelConfig(baichuan(fields), "config.json"));
    expect(error.message).toContain(message);
    expect(error.code).toBe("WB4702");
  });
});
