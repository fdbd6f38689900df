import type { ConfigFields } from "../../model/config/fields.ts";
import type { StockClass, TensorSpec } from "../family.ts";
import type { MatrixFacts } from "../merge.ts";
import type { ModelConfig, NetworkConfig } from "../../model/config/model-config.ts";
import { parseRope } from "../../model/config/rope.ts";
import { LAYER_MATRICES } from "./decoder.ts";
import { layerCount, unsupported } from "./llama-config.ts";

/** The Linear weights of one layer of `GlmForCausalLM`, by their name below `model.layers.{i}.`. */
export const GLM_MATRICES = {
  "self_attn.q_proj": LAYER_MATRICES["self_attn.q_proj"],
  "self_attn.k_proj": LAYER_MATRICES["self_attn.k_proj"],
  "self_attn.v_proj": LAYER_MATRICES["self_attn.v_proj"],
  "self_attn.o_proj": LAYER_MATRICES["self_attn.o_proj"],
  "mlp.gate_up_proj": (c: ModelConfig): MatrixFacts => ({
    out: 2 * c.intermediateSize,
    in: c.hiddenSize,
    split: "out",
  }),
  "mlp.down_proj": LAYER_MATRICES["mlp.down_proj"],
} as const satisfies Record<string, (config: ModelConfig) => MatrixFacts>;

export const GLM_NORMS = ["input_layernorm", "post_attention_layernorm"] as const;

/** Only queries, keys and values have biases. */
const BIASED = /^self_attn\.[qkv]_proj$/;

/** The tensors of `GlmForCausalLM` (transformers v5.23.0, models/glm/modeling_glm.py). */
export function glmTensors(config: ModelConfig): readonly TensorSpec[] {
  const { vocabSize, hiddenSize } = config;
  const tensors: TensorSpec[] = [
    { name: "model.embed_tokens.weight", shape: [vocabSize, hiddenSize], linear: false },
  ];
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = `model.layers.${layer}`;
    for (const [name, factsOf] of Object.entries(GLM_MATRICES)) {
      const { out, in: inputs } = factsOf(config);
      tensors.push({ name: `${prefix}.${name}.weight`, shape: [out, inputs], linear: true });
      if (config.attentionBias && BIASED.test(name))
        tensors.push(vector(`${prefix}.${name}.bias`, out));
    }
    for (const norm of GLM_NORMS) tensors.push(vector(`${prefix}.${norm}.weight`, hiddenSize));
  }
  tensors.push(vector("model.norm.weight", hiddenSize));
  if (!config.tieWordEmbeddings)
    tensors.push({ name: "lm_head.weight", shape: [vocabSize, hiddenSize], linear: true });
  return tensors;
}

function vector(name: string, size: number): TensorSpec {
  return { name, shape: [size], linear: false };
}

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
    hidden_act: "silu",
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
  const activation = config.text("silu", "hidden_act");
  if (activation !== "silu") throw unsupported(config.path, "hidden_act", activation);
  const heads = config.count("num_attention_heads");
  const headDim = config.optionalCount("head_dim") ?? 128;
  const maxPositions = config.optionalCount("max_position_embeddings") ?? 131_072;
  const rope = parseRope(config, maxPositions, false);
  if (rope.scaling.kind !== "none") throw unsupported(config.path, "rope_type", rope.scaling.kind);
  const share =
    config.object("rope_parameters")?.find("partial_rotary_factor") ??
    config.find("partial_rotary_factor") ??
    0.5;
  const rotaryDims = typeof share === "number" ? Math.trunc(headDim * share) : Number.NaN;
  if (!(rotaryDims > 0 && rotaryDims <= headDim && rotaryDims % 2 === 0)) {
    throw config.problem(
      "partial_rotary_factor",
      `a share of head_dim ${headDim} that gives an even number`,
      share,
    );
  }
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
    attentionBias: config.flag(true, "attention_bias"),
    mlpBias: false,
    tieWordEmbeddings: config.flag(false, "tie_word_embeddings"),
  };
}

/** Groups of heads that share keys and values; a divisor of the heads. */
export function kvHeadCount(
  config: ConfigFields,
  heads: number,
  field: string,
  fallback: number,
): number {
  const groups = config.optionalCount(field) ?? fallback;
  if (heads % groups === 0) return groups;
  throw config.problem(field, `a divisor of num_attention_heads ${heads}`, groups);
}
