import { activationName, readGate } from "../config/activation.ts";
import type { ConfigFields } from "../config/fields.ts";
import { kvHeadCount, layerCount } from "../config/llama-like.ts";
import { unsupported } from "../config/unsupported.ts";
import type { NetworkConfig } from "../config/model-config.ts";
import { parseRope, readRotaryShare } from "../config/rope.ts";
import type { StockClass } from "../family.ts";

/** `GlmForCausalLM` of stock transformers (4.46 on, 5.x), which has ChatGLM2's network. */
export const STOCK_GLM: StockClass = {
  architecture: "GlmForCausalLM",
  modelType: "glm",
  fields: (config) => ({
    attention_bias: config.attentionBias,
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headDim,
    hidden_act: activationName(config),
    max_position_embeddings: config.maxPositions,
    rms_norm_eps: config.rmsNormEps,
    // transformers 4 reads these two, transformers 5 `rope_parameters`.
    rope_theta: config.rope.theta,
    partial_rotary_factor: config.rotaryDims / config.headDim,
    rope_parameters: {
      rope_type: "default",
      rope_theta: config.rope.theta,
      partial_rotary_factor: config.rotaryDims / config.headDim,
    },
    tie_word_embeddings: config.tieWordEmbeddings,
  }),
};

/** config.json of `GlmForCausalLM`, with its defaults. @throws WbError WB3701, WB4702. */
export function readGlmConfig(config: ConfigFields): NetworkConfig {
  const heads = config.count("num_attention_heads");
  const headDim = config.optionalCount("head_dim") ?? 128;
  const maxPositions = config.optionalCount("max_position_embeddings") ?? 131_072;
  const rope = parseRope(config, maxPositions, false);
  if (rope.scaling.kind !== "none") throw unsupported(config.path, "rope_type", rope.scaling.kind);
  const rotaryDims = readRotaryShare(config, headDim, 0.5);
  return {
    vocabSize: config.count("vocab_size"),
    hiddenSize: config.count("hidden_size"),
    intermediateSize: config.count("intermediate_size"),
    layers: layerCount(config, "num_hidden_layers"),
    heads,
    kvHeads: kvHeadCount(config, heads, "num_key_value_heads", 2),
    headDim,
    rmsNormEps: config.positive(0.000_000_156_25, "rms_norm_eps"),
    maxPositions,
    rope,
    rotaryDims,
    rotaryPairs: "neighbours",
    ...readGate(config, "hidden_act"),
    attentionBias: config.flag(true, "attention_bias"),
    mlpBias: false,
    tieWordEmbeddings: config.flag(false, "tie_word_embeddings"),
  };
}
