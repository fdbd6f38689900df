import { activationName } from "../config/activation.ts";
import type { StockClass } from "../family.ts";
import type { ModelConfig } from "../config/model-config.ts";
import type { RopeConfig } from "../config/rope.ts";

/** The smallest double above 1. */
const JUST_ABOVE_ONE = 1 + Number.EPSILON;

/**
 * `LlamaForCausalLM` of stock transformers (4.36, 5.x). InternLM's network is LLaMA's with `attention_bias`; the biases of
 * o_proj are part of that switch.
 */
export const STOCK_LLAMA: StockClass = {
  architecture: "LlamaForCausalLM",
  modelType: "llama",
  fields: (config) => ({
    attention_bias: config.attentionBias,
    mlp_bias: config.mlpBias,
    ...llamaFields(config),
  }),
};

/** The fields that most decoders have in LLaMA's spelling; biases are each class's own. */
export function llamaFields(config: ModelConfig): Readonly<Record<string, unknown>> {
  return {
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
    rope_theta: config.rope.theta,
    rope_scaling: ropeScaling(config.rope),
    tie_word_embeddings: config.tieWordEmbeddings,
  };
}

/** The spelling of transformers 5. */
export function ropeParameters(rope: RopeConfig): Readonly<Record<string, unknown>> {
  const { type, ...settings } = ropeScaling(rope) ?? { type: "default" };
  return {
    ...(type === undefined ? {} : { rope_type: type }),
    ...settings,
    rope_theta: rope.theta,
  };
}

/**
 * Kinds that are older than transformers 4.43 in its spelling: `type` and `factor`, nothing else, which later versions
 * read too. It also refuses a factor of 1, InternLM's usual one, that later versions accept; the next number after it moves
 * the angles by less than a rounding of theirs.
 */
function ropeScaling({ scaling }: RopeConfig): Record<string, unknown> | null {
  switch (scaling.kind) {
    case "none":
      return null;
    case "dynamic-ntk":
      return { type: "dynamic", factor: Math.max(scaling.factor, JUST_ABOVE_ONE) };
    case "linear":
      return scaling.factor === 1 ? null : { type: "linear", factor: scaling.factor };
    case "llama3":
      return {
        rope_type: "llama3",
        factor: scaling.factor,
        low_freq_factor: scaling.lowFreqFactor,
        high_freq_factor: scaling.highFreqFactor,
        original_max_position_embeddings: scaling.originalMaxPositions,
      };
    case "yarn":
      return {
        rope_type: "yarn",
        factor: scaling.factor,
        beta_fast: scaling.betaFast,
        beta_slow: scaling.betaSlow,
        original_max_position_embeddings: scaling.originalMaxPositions,
        attention_factor: scaling.attentionFactor,
        ...(scaling.truncate ? {} : { truncate: false }),
      };
    case "longrope":
      return {
        rope_type: "longrope",
        short_factor: scaling.short,
        long_factor: scaling.long,
        original_max_position_embeddings: scaling.originalMaxPositions,
        attention_factor: scaling.attentionFactor,
      };
    case "proportional":
      return {
        rope_type: "proportional",
        factor: scaling.factor,
        partial_rotary_factor: scaling.share,
      };
    default:
      return scaling satisfies never;
  }
}
