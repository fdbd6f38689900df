import type { Dtype } from "../tensor/dtype.ts";
import { SOURCE_FAMILY_FIELD, type ModelConfig } from "./model-config.ts";
import type { RopeConfig } from "./rope-config.ts";

const NAME_OF_DTYPE: Readonly<Partial<Record<Dtype, string>>> = {
  F16: "float16",
  BF16: "bfloat16",
  F32: "float32",
};

/** Fields of the original config.json that LlamaConfig has too and that are carried over as they are. */
const CARRIED = [
  "initializer_range",
  "use_cache",
  "pretraining_tp",
  "attention_dropout",
  SOURCE_FAMILY_FIELD,
] as const;

/** The smallest double above 1. */
const JUST_ABOVE_ONE = 1 + Number.EPSILON;

/**
 * The config.json with which stock transformers (4.36, 5.x) loads the converted folder as `LlamaForCausalLM`,
 * without remote code. InternLM's network is LLaMA's with `attention_bias`; the biases of o_proj are part of that switch.
 * @param dtype What most of the weights are written as.
 */
export function hfConfig(config: ModelConfig, dtype: Dtype | undefined): string {
  const fields: Record<string, unknown> = {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    attention_bias: config.attentionBias,
    mlp_bias: config.mlpBias,
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headDim,
    hidden_act: "silu",
    max_position_embeddings: config.maxPositions,
    rms_norm_eps: config.rmsNormEps,
    rope_theta: config.rope.theta,
    rope_scaling: ropeScaling(config.rope),
    tie_word_embeddings: config.tieWordEmbeddings,
    bos_token_id: config.bosTokenId ?? null,
    eos_token_id: idOrList(config.eosTokenIds),
    pad_token_id: config.padTokenId ?? null,
    torch_dtype: (dtype === undefined ? undefined : NAME_OF_DTYPE[dtype]) ?? "float32",
  };
  if (config.family !== "llama") fields[SOURCE_FAMILY_FIELD] = config.family;
  for (const name of CARRIED) if (config.raw[name] !== undefined) fields[name] = config.raw[name];
  return withFloatFactor(`${JSON.stringify(fields, undefined, 2)}\n`);
}

/** transformers before 4.43 takes a factor that is written as a float and no other. */
function withFloatFactor(text: string): string {
  return text.replace(/^(\s+"factor": \d+)(?=,?$)/m, "$1.0");
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
      };
    default:
      return scaling satisfies never;
  }
}

/** The generation_config.json for a model that came without one. */
export function generationConfig(config: ModelConfig): string {
  const fields = {
    _from_model_config: true,
    bos_token_id: config.bosTokenId ?? null,
    eos_token_id: idOrList(config.eosTokenIds),
    pad_token_id: config.padTokenId ?? null,
  };
  return `${JSON.stringify(fields, undefined, 2)}\n`;
}

function idOrList(ids: readonly number[]): number | readonly number[] | null {
  if (ids.length > 1) return ids;
  return ids[0] ?? null;
}
