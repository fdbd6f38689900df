import type { RawConfig } from "./fields.ts";
import type { GgufKeys } from "./gguf-keys.ts";
import { unsupported } from "./unsupported.ts";

/** What the first layer has: which Linears biases, and whether heads norms. */
interface Biases {
  readonly headNorms: boolean;
  readonly attention: boolean;
  readonly output: boolean;
  readonly mlp: boolean;
}

interface Sizes {
  readonly hiddenSize: number;
  readonly heads: number;
  readonly headDim: number;
}

interface Named {
  readonly className: string;
  readonly modelType: string;
  /** Keys behind the architecture's name that only it has. */
  readonly keys: readonly string[];
}

/** What config.json says of one of llama.cpp's architectures beside what all that are LLaMA's kin have. */
interface LlamaLike extends Named {
  readonly biases: (biases: Biases) => RawConfig;
  readonly fields: (sizes: Sizes) => RawConfig;
  /** Whether heads may be rotated in a part of their dimensions. */
  readonly isPartlyRotated?: boolean;
  /** Layers behind the last that predict tokens further ahead, which the number of blocks counts. */
  readonly predictingLayers?: number;
}

/** A model that is described otherwise than LLaMA. */
interface Whole extends Named {
  /**
   * All of config.json but the vocabulary and tokens; names, where tensors tell the class.
   * @param has Whether the file has a tensor.
   */
  readonly whole: (has: (name: string) => boolean) => RawConfig;
}

type GgufModel = LlamaLike | Whole;

type Describe = (keys: GgufKeys) => GgufModel;

const attentionBias = ({ attention }: Biases): RawConfig => ({ attention_bias: attention });
const noBiases = (): RawConfig => ({});

function plain(className: string, modelType: string, biases = attentionBias): Describe {
  return () => ({ className, modelType, keys: [], biases, fields: () => ({}) });
}

/** LLaMA, and Mixtral, which has its name and experts. */
const llama: Describe = (keys) => {
  const experts = keys.count("expert_count");
  if (experts !== undefined)
    return {
      className: "MixtralForCausalLM",
      modelType: "mixtral",
      keys: ["expert_count", "expert_used_count"],
      biases: noBiases,
      fields: () => ({
        num_local_experts: experts,
        num_experts_per_tok: keys.number("expert_used_count"),
      }),
    };
  return {
    className: "LlamaForCausalLM",
    modelType: "llama",
    keys: ["expert_count", "expert_used_count"],
    biases: ({ attention, mlp }) => ({
      ...(attention ? { attention_bias: true } : {}),
      ...(mlp ? { mlp_bias: true } : {}),
    }),
    fields: () => ({}),
  };
};

/** @param normalises Whether the weights of the chosen experts sum to 1, which is fixed for each (llama.cpp, build_moe_ffn). */
function sparse(className: string, modelType: string, normalises: boolean): Describe {
  return (keys) => ({
    className,
    modelType,
    keys: [
      "expert_count",
      "expert_used_count",
      "expert_feed_forward_length",
      "expert_shared_feed_forward_length",
    ],
    biases: ({ attention }) =>
      modelType === "qwen2_moe" ? { qkv_bias: attention } : { attention_bias: attention },
    fields: () => {
      const shared = keys.count("expert_shared_feed_forward_length");
      return {
        num_experts: keys.number("expert_count"),
        num_experts_per_tok: keys.number("expert_used_count"),
        moe_intermediate_size: keys.number("expert_feed_forward_length"),
        ...(shared === undefined ? {} : { shared_expert_intermediate_size: shared }),
        norm_topk_prob: normalises,
      };
    },
  });
}

/** ERNIE 4.5 with experts (src/models/ernie4-5-moe.cpp): experts in every so many layers behind dense ones. */
const ernieMoe: Describe = (keys) => ({
  className: "Ernie4_5_MoeForCausalLM",
  modelType: "ernie4_5_moe",
  keys: [
    "expert_count",
    "expert_used_count",
    "expert_feed_forward_length",
    "expert_shared_count",
    "expert_shared_feed_forward_length",
    "interleave_moe_layer_step",
    "leading_dense_block_count",
  ],
  biases: ({ attention }) => ({ use_bias: attention }),
  fields: () => ({
    moe_num_experts: keys.number("expert_count"),
    moe_k: keys.number("expert_used_count"),
    moe_intermediate_size: keys.number("expert_feed_forward_length"),
    moe_num_shared_experts: keys.count("expert_shared_count") ?? 0,
    moe_layer_start_index: keys.count("leading_dense_block_count") ?? 0,
    moe_layer_end_index: -1,
    moe_layer_interval: keys.optional("interleave_moe_layer_step") ?? 1,
  }),
});

/** ggml's numbers of how scores of experts are made (llama.cpp, src/llama-hparams.h, `llama_expert_gating_func_type`); none is 0. */
export const GATED_BY_SOFTMAX = 1;
export const GATED_BY_SIGMOID = 2;

/** Experts chosen as DeepSeek's and GLM-4.5's are. */
const ROUTED_KEYS = [
  "expert_count",
  "expert_used_count",
  "expert_group_count",
  "expert_group_used_count",
  "expert_feed_forward_length",
  "expert_shared_count",
  "expert_gating_func",
  "expert_weights_scale",
  "expert_weights_norm",
  "leading_dense_block_count",
  "nextn_predict_layers",
];

function routedExperts(keys: GgufKeys): RawConfig {
  return {
    n_routed_experts: keys.number("expert_count"),
    num_experts_per_tok: keys.number("expert_used_count"),
    moe_intermediate_size: keys.number("expert_feed_forward_length"),
    n_shared_experts: keys.count("expert_shared_count") ?? 0,
    first_k_dense_replace: keys.count("leading_dense_block_count") ?? 0,
    n_group: keys.count("expert_group_count") ?? 1,
    topk_group: keys.count("expert_group_used_count") ?? 1,
    norm_topk_prob: keys.text("expert_weights_norm") === "true",
    routed_scaling_factor: keys.count("expert_weights_scale") ?? 1,
  };
}

/** GLM-4.5 (src/models/glm4-moe.cpp). */
const glm4Moe: Describe = (keys) => {
  const gating = keys.count("expert_gating_func") ?? GATED_BY_SIGMOID;
  if (gating !== GATED_BY_SIGMOID)
    throw unsupported(keys.path, keys.full("expert_gating_func"), gating);
  const predicting = keys.count("nextn_predict_layers") ?? 0;
  return {
    className: "Glm4MoeForCausalLM",
    modelType: "glm4_moe",
    keys: ROUTED_KEYS,
    biases: ({ attention, headNorms }) => ({
      attention_bias: attention,
      use_qk_norm: headNorms,
    }),
    fields: () => ({ ...routedExperts(keys), num_nextn_predict_layers: predicting }),
    isPartlyRotated: true,
    predictingLayers: predicting,
  };
};

const EPSILON = "attention.layer_norm_epsilon";

function plainModel(
  className: string,
  modelType: string,
  fields: (keys: GgufKeys) => RawConfig,
): Describe {
  return (keys) => ({
    className,
    modelType,
    keys: [EPSILON],
    whole: () => fields(keys),
  });
}

const gpt2 = plainModel("GPT2LMHeadModel", "gpt2", (keys) => ({
  n_embd: keys.number("embedding_length"),
  n_layer: keys.number("block_count"),
  n_head: keys.number("attention.head_count"),
  n_inner: keys.number("feed_forward_length"),
  n_positions: keys.number("context_length"),
  layer_norm_epsilon: keys.number(EPSILON),
  activation_function: "gelu_new",
}));

/** Its network is always four times as wide; the context's length changes nothing. */
const bloom = plainModel("BloomForCausalLM", "bloom", (keys) => {
  const hidden = keys.number("embedding_length");
  const inner = keys.number("feed_forward_length");
  if (inner !== 4 * hidden) throw unsupported(keys.path, keys.full("feed_forward_length"), inner);
  return {
    hidden_size: hidden,
    n_layer: keys.number("block_count"),
    n_head: keys.number("attention.head_count"),
    seq_length: keys.number("context_length"),
    layer_norm_epsilon: keys.number(EPSILON),
  };
});

/**
 * DeepSeek-V2 and V3 under one name (src/models/deepseek2.cpp): V3 scores experts by a sigmoid, and corrects the scores. Keys and values of all heads are of one
 * latent, of which newer files say the sizes that it is raised to (`_mla`).
 */
const deepseek: Describe = (keys) => {
  const predicting = keys.count("nextn_predict_layers") ?? 0;
  return {
    className: "DeepseekV2ForCausalLM",
    modelType: "deepseek_v2",
    keys: [...ROUTED_KEYS, ...LATENT_KEYS],
    whole: (has) => {
      const heads = keys.number("attention.head_count");
      const rotary = keys.number("rope.dimension_count");
      const size = keys.optional("attention.key_length_mla") ?? keys.number("attention.key_length");
      const groups = keys.count("expert_group_count") ?? 1;
      const layers = keys.number("block_count") - predicting;
      const corrects = has(`blk.${layers - 1}.exp_probs_b.bias`);
      const usual = corrects ? GATED_BY_SIGMOID : GATED_BY_SOFTMAX;
      const gating = keys.count("expert_gating_func") ?? usual;
      if (gating !== usual) throw unsupported(keys.path, keys.full("expert_gating_func"), gating);
      return {
        ...(corrects
          ? { architectures: ["DeepseekV3ForCausalLM"], model_type: "deepseek_v3" }
          : {}),
        hidden_size: keys.number("embedding_length"),
        num_hidden_layers: layers,
        num_attention_heads: heads,
        num_key_value_heads: heads,
        intermediate_size: keys.number("feed_forward_length"),
        hidden_act: "silu",
        rms_norm_eps: keys.number("attention.layer_norm_rms_epsilon"),
        max_position_embeddings: keys.number("context_length"),
        rope_theta: keys.optional("rope.freq_base") ?? 10_000,
        ...latentScaling(keys),
        q_lora_rank: keys.count("attention.q_lora_rank") ?? null,
        kv_lora_rank: keys.number("attention.kv_lora_rank"),
        qk_rope_head_dim: rotary,
        qk_nope_head_dim: size - rotary,
        v_head_dim:
          keys.optional("attention.value_length_mla") ?? keys.number("attention.value_length"),
        attention_bias: has("blk.0.attn_kv_a_mqa.bias"),
        ...routedExperts(keys),
        topk_method: corrects ? "noaux_tc" : groups === 1 ? "greedy" : "group_limited_greedy",
        scoring_func: corrects ? "sigmoid" : "softmax",
        num_nextn_predict_layers: predicting,
      };
    },
  };
};

const LATENT_KEYS = [
  "attention.q_lora_rank",
  "attention.kv_lora_rank",
  "attention.key_length_mla",
  "attention.value_length_mla",
  "rope.scaling.yarn_log_multiplier",
  "rope.scaling.yarn_beta_fast",
  "rope.scaling.yarn_beta_slow",
];

/** A tenth of DeepSeek's mscale_all_dim is what llama.cpp multiplies the logarithm of the factor with. */
export const MSCALE_TO_LOG_MULTIPLIER = 0.1;

/** YaRN as DeepSeek says it: where the file has a multiplier, both magnitudes are the same, so that scores are scaled and not the tables. */
function latentScaling(keys: GgufKeys): RawConfig {
  const kind = keys.text("rope.scaling.type") ?? "none";
  if (kind === "none") return {};
  if (kind !== "yarn") throw unsupported(keys.path, keys.full("rope.scaling.type"), kind);
  const multiplier = keys.count("rope.scaling.yarn_log_multiplier");
  return {
    rope_scaling: {
      type: "yarn",
      factor: keys.number("rope.scaling.factor"),
      original_max_position_embeddings: keys.number("rope.scaling.original_context_length"),
      beta_fast: keys.optional("rope.scaling.yarn_beta_fast") ?? 32,
      beta_slow: keys.optional("rope.scaling.yarn_beta_slow") ?? 1,
      ...(multiplier === undefined ? {} : magnitudes(multiplier)),
    },
  };
}

function magnitudes(multiplier: number): RawConfig {
  // A float32 of 0.1 · 0.707 is to be 0.707 again.
  const mscale = Number((multiplier / MSCALE_TO_LOG_MULTIPLIER).toPrecision(7));
  return { mscale, mscale_all_dim: mscale };
}

const GELU = { hidden_act: "gelu_pytorch_tanh", hidden_activation: "gelu_pytorch_tanh" };
const WINDOW = "attention.sliding_window";

const gemma: Describe = () => ({
  className: "GemmaForCausalLM",
  modelType: "gemma",
  keys: [],
  biases: attentionBias,
  fields: () => GELU,
});

/**
 * Gemma 2 and 3: llama.cpp divides scores by the root of a head's width but for the 27B models, where it is that of hidden / heads
 * (src/models/gemma2.cpp and gemma3.cpp, `f_attention_scale`).
 */
const gemma2: Describe = (keys) => ({
  className: "Gemma2ForCausalLM",
  modelType: "gemma2",
  keys: [WINDOW, "attn_logit_softcapping", "final_logit_softcapping"],
  biases: attentionBias,
  fields: ({ hiddenSize, heads, headDim }) => ({
    ...GELU,
    attn_logit_softcapping: keys.optional("attn_logit_softcapping") ?? 50,
    final_logit_softcapping: keys.optional("final_logit_softcapping") ?? 30,
    sliding_window: keys.optional(WINDOW) ?? 4096,
    query_pre_attn_scalar: keys.number("block_count") === 46 ? hiddenSize / heads : headDim,
  }),
});

const gemma3: Describe = (keys) => ({
  className: "Gemma3ForCausalLM",
  modelType: "gemma3_text",
  keys: [WINDOW, "rope.freq_base_swa", "final_logit_softcapping"],
  biases: attentionBias,
  fields: ({ hiddenSize, heads, headDim }) => ({
    ...GELU,
    final_logit_softcapping: keys.count("final_logit_softcapping") ?? null,
    sliding_window: keys.count(WINDOW) ?? null,
    sliding_window_pattern: 6,
    rope_theta: keys.optional("rope.freq_base") ?? 1_000_000,
    rope_local_base_freq: keys.optional("rope.freq_base_swa") ?? 10_000,
    query_pre_attn_scalar: keys.number("block_count") === 62 ? hiddenSize / heads : headDim,
  }),
});

const phi3: Describe = (keys) => ({
  className: "Phi3ForCausalLM",
  modelType: "phi3",
  keys: [WINDOW],
  biases: noBiases,
  fields: () => ({ sliding_window: keys.count(WINDOW) ?? null }),
  isPartlyRotated: true,
});

function glm(className: string, modelType: string): Describe {
  return () => ({
    className,
    modelType,
    keys: [],
    biases: attentionBias,
    fields: () => ({}),
    isPartlyRotated: true,
  });
}

/**
 * Architectures by llama.cpp's name (gguf-py 0.19.0, constants.py, `MODEL_ARCH_NAMES`) as stock transformers has them, from the
 * keys that each class of convert_hf_to_gguf.py writes.
 */
export const GGUF_MODELS: ReadonlyMap<string, Describe> = new Map<string, Describe>([
  ["llama", llama],
  ["qwen2", plain("Qwen2ForCausalLM", "qwen2", noBiases)],
  ["qwen2moe", sparse("Qwen2MoeForCausalLM", "qwen2_moe", false)],
  ["qwen3", plain("Qwen3ForCausalLM", "qwen3")],
  ["qwen3moe", sparse("Qwen3MoeForCausalLM", "qwen3_moe", true)],
  ["gemma", gemma],
  ["gemma2", gemma2],
  ["gemma3", gemma3],
  ["phi3", phi3],
  ["chatglm", glm("GlmForCausalLM", "glm")],
  ["glm4", glm("Glm4ForCausalLM", "glm4")],
  [
    "internlm2",
    plain("InternLM2ForCausalLM", "internlm2", ({ attention }) => ({ bias: attention })),
  ],
  [
    "seed_oss",
    plain("SeedOssForCausalLM", "seed_oss", ({ attention, output, mlp }) => ({
      attention_bias: attention,
      attention_out_bias: output,
      mlp_bias: mlp,
    })),
  ],
  [
    "ernie4_5",
    plain("Ernie4_5ForCausalLM", "ernie4_5", ({ attention }) => ({ use_bias: attention })),
  ],
  ["ernie4_5-moe", ernieMoe],
  ["glm4moe", glm4Moe],
  ["deepseek2", deepseek],
  ["baichuan", plain("BaichuanForCausalLM", "baichuan", noBiases)],
  ["gpt2", gpt2],
  ["bloom", bloom],
]);
