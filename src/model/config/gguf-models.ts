import type { RawConfig } from "./fields.ts";
import type { GgufKeys } from "./gguf-keys.ts";

/** Which Linears of the first layer have biases. */
interface Biases {
  readonly attention: boolean;
  readonly output: boolean;
  readonly mlp: boolean;
}

interface Sizes {
  readonly hiddenSize: number;
  readonly heads: number;
  readonly headDim: number;
}

/** What config.json says of one of llama.cpp's architectures beside what all have. */
interface GgufModel {
  readonly className: string;
  readonly modelType: string;
  /** Keys behind the architecture's name that only it has. */
  readonly keys: readonly string[];
  readonly biases: (biases: Biases) => RawConfig;
  readonly fields: (sizes: Sizes) => RawConfig;
  /** Whether heads may be rotated in a part of their dimensions. */
  readonly isPartlyRotated?: boolean;
}

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
]);
