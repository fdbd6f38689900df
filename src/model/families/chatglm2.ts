import { activationName } from "../config/activation.ts";
import { readChatglm2Config } from "../config/chatglm2.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { DEFAULT_THETA } from "../config/rope.ts";
import { unsupported } from "../config/unsupported.ts";
import type { Family, StockClass } from "../family.ts";
import { ggufNames } from "../names/gguf-names.ts";
import { naming, paddlenlp } from "../names/naming.ts";
import { decoder, gatedInOne, grouped } from "../network.ts";
import { readGlmConfig, STOCK_GLM } from "./stock-glm.ts";

/** The network of ChatGLM2 and of stock transformers' Glm (v5.23.0, models/glm/modeling_glm.py). */
const GLM_DECODER = decoder({
  block: "glm",
  attention: grouped({ bias: "qkv" }),
  mlp: gatedInOne,
});

function topRows(prefix: string): readonly string[] {
  return [
    `model.embed_tokens.weight | ${prefix}embedding.word_embeddings.weight`,
    `model.norm.weight | ${prefix}encoder.final_layernorm.weight`,
    `lm_head.weight | ${prefix}output_layer.weight`,
  ];
}

const SHARED_ROWS = [
  ".self_attn.o_proj | .self_attention.dense",
  ".mlp.down_proj | .mlp.dense_4h_to_h",
];

/** All queries, then the keys of each group, then their values (modeling_chatglm.py, `SelfAttention`); gate, then up. */
const FUSED_ROWS = [
  ".self_attn.q_proj, .self_attn.k_proj, .self_attn.v_proj | .self_attention.query_key_value | concatenate whole",
  ".mlp.gate_up_proj | .mlp.dense_h_to_4h",
  ...SHARED_ROWS,
];

/**
 * Queries, keys and values apart, and gate and up alternately, so that tensor-parallel ranks could be cut from it (PaddleNLP,
 * transformers/chatglm_v2/chatglm-legacy-checkpoints-convert.py undoes it).
 */
const APART_ROWS = [
  ".self_attn.q_proj | .self_attention.query",
  ".self_attn.k_proj | .self_attention.key",
  ".self_attn.v_proj | .self_attention.value",
  ".mlp.gate_up_proj | .mlp.dense_h_to_4h | alternate beside .self_attention.query.weight",
  ...SHARED_ROWS,
];

/** `ChatGLMv2ForCausalLM` of PaddleNLP (v2.8.1, transformers/chatglm_v2/configuration.py). */
const PADDLE_CHATGLM2: StockClass = {
  architecture: "ChatGLMv2ForCausalLM",
  modelType: "chatglm_v2",
  fields: (config) => ({
    ...onlyOwnEquations(config),
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    ffn_hidden_size: config.intermediateSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    kv_channels: config.headDim,
    multi_query_group_num: config.kvHeads,
    max_sequence_length: config.maxPositions,
    layernorm_epsilon: config.rmsNormEps,
    add_qkv_bias: config.attentionBias,
    add_bias_linear: false,
    rmsnorm: true,
    post_layer_norm: true,
    apply_residual_connection_post_layernorm: false,
    tie_word_embeddings: config.tieWordEmbeddings,
    ...(config.rope.theta === DEFAULT_THETA
      ? {}
      : { rope_ratio: config.rope.theta / DEFAULT_THETA }),
  }),
};

/** Nothing, of a model whose equations are ChatGLM2's. @throws WbError WB4702 for a setting that PaddleNLP's class has no field for. */
function onlyOwnEquations(config: ModelConfig): Readonly<Record<string, unknown>> {
  const { rotaryDims, headDim } = config;
  if (2 * rotaryDims !== headDim)
    throw unsupported("PaddleNLP's ChatGLM-v2", "partial_rotary_factor", rotaryDims / headDim);
  if (config.activation !== undefined)
    throw unsupported("PaddleNLP's ChatGLM-v2", "hidden_act", activationName(config));
  return {};
}

const SHARED = {
  network: GLM_DECODER,
  names: {
    huggingface: naming(GLM_DECODER),
    authors: naming(GLM_DECODER, {
      prefix: "transformer.",
      layer: "transformer.encoder.layers.{i}.",
      rows: [...topRows("transformer."), ...FUSED_ROWS],
    }),
    /** v2.8.1, transformers/chatglm_v2/modeling.py. */
    paddlenlp: paddlenlp(GLM_DECODER, {
      prefix: "chatglm_v2.",
      layer: "chatglm_v2.encoder.layers.{i}.",
      rows: [...topRows("chatglm_v2."), ...FUSED_ROWS],
    }),
    paddlenlpLegacy: paddlenlp(GLM_DECODER, {
      prefix: "chatglm_v2.",
      layer: "chatglm_v2.encoder.layers.{i}.",
      rows: [...topRows("chatglm_v2."), ...APART_ROWS],
    }),
    ggufApart: ggufNames(GLM_DECODER),
    gguf: ggufNames(GLM_DECODER, {
      rows: [".self_attn.q_proj, .self_attn.k_proj, .self_attn.v_proj | .attn_qkv | concatenate"],
    }),
  },
  prefixes: ["transformer", "chatglm_v2", "model"],
  drops: [
    {
      stored: "transformer.rotary_pos_emb.inv_freq",
      why: "rotary tables are computed from config.json; the stored ones have no effect",
    },
  ],
  stock: STOCK_GLM,
  paddleClass: PADDLE_CHATGLM2,
} as const;

/**
 * ChatGLM2-6B (and ChatGLM3-6B and GLM-4-9B, whose network is the same): multi-query attention in groups, rotary on neighbouring dimensions
 * of the first half of each head, SwiGLU from one Linear. Under the authors' names, and PaddleNLP's in both its layouts.
 */
export const CHATGLM2: Family = {
  ...SHARED,
  name: "chatglm2",
  architectures: [
    "ChatGLMModel",
    "ChatGLMForConditionalGeneration",
    "ChatGLMv2ForCausalLM",
    "ChatGLMv2Model",
  ],
  modelType: "chatglm",
  checkedAgainst: "transformers 5.23, `GlmForCausalLM`",
  eosIds: [2],
  readConfig: readChatglm2Config,
};

/** What it is converted to: `GlmForCausalLM` of stock transformers. */
export const GLM: Family = {
  ...SHARED,
  name: "glm",
  architectures: ["GlmForCausalLM", "GlmModel"],
  modelType: "glm",
  checkedAgainst: "transformers 5.23, `GlmForCausalLM`",
  readConfig: readGlmConfig,
};
