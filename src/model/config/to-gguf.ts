import { WbError } from "../../errors/wb-error.ts";
import { GATED_BY_SIGMOID, GATED_BY_SOFTMAX, MSCALE_TO_LOG_MULTIPLIER } from "./gguf-models.ts";
import { llama3Factor } from "./gguf-rope.ts";
import type { ModelConfig } from "./model-config.ts";
import { activationName } from "./activation.ts";
import { yarnMagnitude } from "./rope.ts";

/** A key behind the architecture's name, and its value; whole numbers are written as such. */
export type GgufSetting =
  | readonly [key: string, type: "u32" | "f32", value: number]
  | readonly [key: string, type: "flag", value: boolean]
  | readonly [key: string, type: "text", value: string];

/** What a GGUF file says of a model. */
export interface GgufSettings {
  /** llama.cpp's name. */
  readonly architecture: string;
  readonly settings: readonly GgufSetting[];
  /** llama3's factors of rotary frequencies, which are a tensor there. */
  readonly ropeFactors: Float32Array | undefined;
  /** What the file cannot say and a user should know; one sentence each. */
  readonly notes: readonly string[];
}

interface Written {
  readonly architecture: string;
  readonly more?: (config: ModelConfig) => readonly GgufSetting[];
  /** What llama.cpp's graph of the architecture has no place for, where the configuration has it. */
  readonly refuses?: readonly Trait[];
  /** What its network's activation is, as transformers calls it; SiLU when left out. */
  readonly activation?: string;
  /** What its attention and its norms are, behind the number of heads; LLaMA's when left out. */
  readonly shape?: (config: ModelConfig) => readonly GgufSetting[];
}

type Trait =
  | "attention bias"
  | "output bias"
  | "mlp bias"
  | "window"
  | "dense layers"
  | "query scalar"
  | "cap of logits"
  | "layers without experts"
  | "scores by layer"
  | "residual behind norms"
  | "groups of experts by their best"
  | "rotary in halves"
  | "queries without a latent";

const NO_BIASES = ["attention bias", "output bias", "mlp bias", "window"] as const;
const NO_LATENT = ["rotary in halves", "attention bias", "queries without a latent"] as const;
const window = ({ window: found }: ModelConfig): readonly GgufSetting[] => [
  ["attention.sliding_window", "u32", found?.size ?? 0],
];

function experts({ experts: found }: ModelConfig): readonly GgufSetting[] {
  if (found === undefined) return [];
  return [
    ["expert_count", "u32", found.count],
    ["expert_used_count", "u32", found.perToken],
  ];
}

function sparse(config: ModelConfig): readonly GgufSetting[] {
  const { size = 0, sharedSize } = config.experts ?? {};
  return [
    ...experts(config),
    ["expert_feed_forward_length", "u32", size],
    ...(sharedSize === undefined
      ? []
      : ([["expert_shared_feed_forward_length", "u32", sharedSize]] as const)),
  ];
}

/** Experts in every so many layers behind dense ones. */
function ernieMoe(config: ModelConfig): readonly GgufSetting[] {
  const { size = 1, sharedSize = 0, layers = [] } = config.experts ?? {};
  const { first, interval } = spacing(layers);
  return [
    ...sparse(config),
    ["expert_shared_count", "u32", sharedSize / size],
    ["interleave_moe_layer_step", "u32", interval],
    ["leading_dense_block_count", "u32", first],
  ];
}

/** The first layer with experts, and how far the next is. */
function spacing(layers: readonly boolean[]): {
  readonly first: number;
  readonly interval: number;
} {
  const first = layers.indexOf(true);
  const second = layers.indexOf(true, first + 1);
  return { first, interval: second === -1 ? 1 : second - first };
}

/** Experts chosen as DeepSeek's and GLM-4.5's are. */
function routed(config: ModelConfig): readonly GgufSetting[] {
  const { experts: found } = config;
  if (found === undefined) return [];
  const { size, sharedSize = 0, groups, scale = 1, scoring, isNormalised, layers } = found;
  return [
    ...experts(config),
    ["expert_feed_forward_length", "u32", size],
    ["expert_shared_count", "u32", sharedSize / size],
    ["expert_group_count", "u32", groups?.count ?? 1],
    ["expert_group_used_count", "u32", groups?.perToken ?? 1],
    ["expert_gating_func", "u32", scoring === "sigmoid" ? GATED_BY_SIGMOID : GATED_BY_SOFTMAX],
    ["expert_weights_scale", "f32", scale],
    ["expert_weights_norm", "flag", isNormalised],
    ["leading_dense_block_count", "u32", layers.filter((isSparse) => !isSparse).length],
  ];
}

const GELU = "gelu_pytorch_tanh";
const LLAMA: Written = { architecture: "llama", refuses: ["window"] };

/** By family (llama-cpp-python 0.3.36, conversion/, the classes' `set_gguf_parameters`). */
const WRITTEN: ReadonlyMap<string, Written> = new Map<string, Written>([
  ["llama", LLAMA],
  ["mistral", LLAMA],
  ["internlm", LLAMA],
  ["internlm3", LLAMA],
  // The same network; llama.cpp's own graph of that name takes 32 and 40 layers alone.
  ["baichuan", LLAMA],
  ["mixtral", { architecture: "llama", more: experts, refuses: ["window", "dense layers"] }],
  ["internlm2", { architecture: "internlm2", refuses: NO_BIASES }],
  ["qwen2", { architecture: "qwen2", refuses: ["window"] }],
  ["qwen3", { architecture: "qwen3", refuses: NO_BIASES }],
  ["qwen2_moe", { architecture: "qwen2moe", more: sparse, refuses: ["dense layers"] }],
  [
    "qwen3_moe",
    { architecture: "qwen3moe", more: sparse, refuses: [...NO_BIASES, "dense layers"] },
  ],
  ["phi3", { architecture: "phi3", more: phi3 }],
  ["glm", { architecture: "chatglm" }],
  ["chatglm2", { architecture: "chatglm" }],
  ["glm4", { architecture: "glm4" }],
  ["seed_oss", { architecture: "seed_oss", refuses: ["output bias", "mlp bias"] }],
  ["ernie4_5", { architecture: "ernie4_5", refuses: NO_BIASES }],
  [
    "ernie4_5_moe",
    {
      architecture: "ernie4_5-moe",
      more: ernieMoe,
      refuses: [...NO_BIASES, "layers without experts"],
    },
  ],
  ["glm4_moe", { architecture: "glm4moe", more: routed, refuses: ["output bias", "mlp bias"] }],
  [
    "deepseek_v2",
    {
      architecture: "deepseek2",
      shape: latentSettings,
      more: routed,
      refuses: [...NO_LATENT, "groups of experts by their best"],
    },
  ],
  [
    "deepseek_v3",
    {
      architecture: "deepseek2",
      shape: latentSettings,
      more: routed,
      refuses: NO_LATENT,
    },
  ],
  [
    "gpt2",
    {
      architecture: "gpt2",
      activation: GELU,
      shape: plainSettings,
      refuses: ["query scalar", "scores by layer"],
    },
  ],
  [
    "bloom",
    {
      architecture: "bloom",
      activation: GELU,
      shape: plainSettings,
      refuses: ["residual behind norms"],
    },
  ],
  [
    "gemma",
    { architecture: "gemma", activation: GELU, refuses: ["attention bias", "query scalar"] },
  ],
  [
    "gemma2",
    {
      architecture: "gemma2",
      activation: GELU,
      more: gemma2,
      refuses: ["attention bias", "query scalar"],
    },
  ],
  [
    "gemma3_text",
    {
      architecture: "gemma3",
      activation: GELU,
      more: gemma3,
      refuses: ["attention bias", "query scalar", "cap of logits"],
    },
  ],
]);

function phi3(config: ModelConfig): readonly GgufSetting[] {
  const said = config.raw["original_max_position_embeddings"];
  const original = typeof said === "number" ? said : config.maxPositions;
  return [...window(config), ["rope.scaling.original_context_length", "u32", original]];
}

function gemma2(config: ModelConfig): readonly GgufSetting[] {
  return [
    ...window(config),
    ["attn_logit_softcapping", "f32", config.attentionCap ?? 0],
    ["final_logit_softcapping", "f32", config.logitCap ?? 0],
  ];
}

function gemma3(config: ModelConfig): readonly GgufSetting[] {
  return [
    ...window(config),
    ["rope.freq_base_swa", "f32", (config.windowRope ?? config.rope).theta],
  ];
}

/** llama.cpp's name of a family's architecture. */
export function ggufArchitecture(family: string): string | undefined {
  return WRITTEN.get(family)?.architecture;
}

/** Families that are written. */
export const GGUF_FAMILIES: readonly string[] = [...WRITTEN.keys()];

/**
 * The metadata of a model as convert_hf_to_gguf.py writes it.
 * @throws WbError WB4512 for a family that llama.cpp does not know, or a setting that its files cannot say.
 */
export function ggufSettings(config: ModelConfig, path: string): GgufSettings {
  const written = WRITTEN.get(config.family);
  if (written === undefined)
    throw unwritable(
      path,
      "architectures",
      `${config.architecture} is not known to llama.cpp under a name that is written; those of ${GGUF_FAMILIES.join(", ")} are`,
    );
  if (activationName(config) !== (written.activation ?? "silu"))
    throw unwritable(
      path,
      "hidden_act",
      `llama.cpp's ${written.architecture} computes ${written.activation ?? "silu"}, this model ${activationName(config)}`,
    );
  for (const trait of written.refuses ?? [])
    if (TRAITS[trait](config))
      throw unwritable(
        path,
        trait,
        `llama.cpp's ${written.architecture} has no place for this model's ${trait}`,
      );
  const scaling = scalingOf(config, path);
  return {
    architecture: written.architecture,
    settings: [
      ["block_count", "u32", config.layers],
      ["context_length", "u32", config.maxPositions],
      ["embedding_length", "u32", config.hiddenSize],
      ["feed_forward_length", "u32", config.intermediateSize],
      ["attention.head_count", "u32", config.heads],
      ...(written.shape ?? rotarySettings)(config),
      ...scaling.settings,
      ...(written.more?.(config) ?? []),
    ],
    ropeFactors: scaling.factors,
    notes: scaling.notes,
  };
}

function plainSettings(config: ModelConfig): readonly GgufSetting[] {
  return [
    ["attention.head_count_kv", "u32", config.kvHeads],
    ["attention.layer_norm_epsilon", "f32", config.rmsNormEps],
    ["vocab_size", "u32", config.vocabSize],
  ];
}

function rotarySettings(config: ModelConfig): readonly GgufSetting[] {
  return [
    ["attention.head_count_kv", "u32", config.kvHeads],
    ["rope.freq_base", "f32", config.rope.theta],
    ["attention.layer_norm_rms_epsilon", "f32", config.rmsNormEps],
    ["attention.key_length", "u32", config.headDim],
    ["attention.value_length", "u32", config.headDim],
    ["vocab_size", "u32", config.vocabSize],
    ["rope.dimension_count", "u32", config.rotaryDims],
  ];
}

/** One head of keys and values, the latent with the rotary part, which is raised to those of all heads. */
function latentSettings(config: ModelConfig): readonly GgufSetting[] {
  const { latent, rotaryDims, rope } = config;
  if (latent === undefined) return [];
  const { queryRank, rank, plainDims, valueDims } = latent;
  return [
    ["attention.head_count_kv", "u32", 1],
    ["rope.freq_base", "f32", rope.theta],
    ["attention.layer_norm_rms_epsilon", "f32", config.rmsNormEps],
    ["attention.key_length", "u32", rank + rotaryDims],
    ["attention.value_length", "u32", rank],
    ["attention.key_length_mla", "u32", plainDims + rotaryDims],
    ["attention.value_length_mla", "u32", valueDims],
    ["vocab_size", "u32", config.vocabSize],
    ["rope.dimension_count", "u32", rotaryDims],
    ...(queryRank === undefined ? [] : ([["attention.q_lora_rank", "u32", queryRank]] as const)),
    ["attention.kv_lora_rank", "u32", rank],
  ];
}

const TRAITS: Readonly<Record<Trait, (config: ModelConfig) => boolean>> = {
  "attention bias": ({ attentionBias }) => attentionBias,
  "output bias": ({ outputBias }) => outputBias === true,
  "mlp bias": ({ mlpBias }) => mlpBias,
  window: ({ window: found }) => found !== undefined,
  "cap of logits": ({ logitCap }) => logitCap !== undefined,
  "dense layers": ({ experts: found }) => found?.layers.includes(false) === true,
  "layers without experts": ({ experts: found, layers }) => {
    const { first, interval } = spacing(found?.layers ?? []);
    return Array.from({ length: layers }, (_unused, layer) => layer).some(
      (layer) =>
        found?.layers[layer] !== (first >= 0 && layer >= first && (layer + 1) % interval === 0),
    );
  },
  "scores by layer": ({ scoresFallByLayer }) => scoresFallByLayer === true,
  "residual behind norms": ({ keepsNormed }) => keepsNormed === true,
  "groups of experts by their best": ({ experts: found }) => found?.groups?.score === "best",
  // llama.cpp tells the Lite models by their number of layers (src/models/deepseek2.cpp, `is_lite`).
  "queries without a latent": ({ latent, layers }) =>
    latent?.queryRank === undefined && layers !== 26 && layers !== 27,
  "rotary in halves": ({ rotaryPairs }) => rotaryPairs === "halves",
  "query scalar": (config) => (config.queryScalar ?? config.headDim) !== scalarOf(config),
};

/** S of q k / √S, which llama.cpp takes by the number of layers (src/models/gemma2.cpp and gemma3.cpp). */
function scalarOf({ family, layers, hiddenSize, heads, headDim }: ModelConfig): number {
  const isLargest =
    (family === "gemma2" && layers === 46) || (family === "gemma3_text" && layers === 62);
  return isLargest ? hiddenSize / heads : headDim;
}

interface Scaling {
  readonly settings: readonly GgufSetting[];
  readonly factors: Float32Array | undefined;
  readonly notes: readonly string[];
}

function scalingOf(config: ModelConfig, path: string): Scaling {
  const { scaling, theta } = config.rope;
  const plain = { settings: [], factors: undefined, notes: [] };
  switch (scaling.kind) {
    case "none":
      return plain;
    case "linear":
      return { ...plain, settings: factorOf("linear", scaling.factor) };
    case "dynamic-ntk":
      return {
        ...plain,
        notes: [
          `${path}: llama.cpp does not stretch the rotary beyond the ${config.maxPositions} trained positions, as this model does; up to there they are the same`,
        ],
      };
    case "llama3": {
      if (scaling.lowFreqFactor !== 1 || scaling.highFreqFactor !== 4)
        throw unwritable(path, "rope_scaling", "llama3's frequency factors other than 1 and 4");
      const dims = config.rotaryDims;
      const factors = Float32Array.from({ length: dims / 2 }, (_unused, index) =>
        llama3Factor(theta ** ((2 * index) / dims), scaling.factor, scaling.originalMaxPositions),
      );
      return { ...plain, factors };
    }
    case "yarn": {
      const isUsual =
        scaling.betaFast === 32 &&
        scaling.betaSlow === 1 &&
        scaling.truncate &&
        scaling.attentionFactor === magnitudeOf(config, scaling.factor);
      if (!isUsual) throw unwritable(path, "rope_scaling", "YaRN with settings of its own");
      const original = "rope.scaling.original_context_length";
      return {
        ...plain,
        settings: [
          ...factorOf("yarn", scaling.factor),
          [original, "u32", scaling.originalMaxPositions],
          ...scoreMagnitude(config),
        ],
      };
    }
    case "longrope":
    case "proportional":
      throw unwritable(path, "rope_scaling", `${scaling.kind} is not written yet`);
    default:
      return scaling satisfies never;
  }
}

/** What llama.cpp multiplies rotary tables with: nothing where a latent's scores are scaled in their place. */
function magnitudeOf({ latent }: ModelConfig, factor: number): number {
  return latent === undefined ? yarnMagnitude(factor, 1) : 1;
}

function scoreMagnitude({ latent }: ModelConfig): readonly GgufSetting[] {
  if (latent?.mscaleAllDim === undefined) return [];
  const multiplier = MSCALE_TO_LOG_MULTIPLIER * latent.mscaleAllDim;
  return [
    ["rope.scaling.yarn_beta_fast", "f32", 32],
    ["rope.scaling.yarn_beta_slow", "f32", 1],
    ["rope.scaling.yarn_log_multiplier", "f32", multiplier],
  ];
}

function factorOf(kind: string, factor: number): readonly GgufSetting[] {
  return [
    ["rope.scaling.type", "text", kind],
    ["rope.scaling.factor", "f32", factor],
  ];
}

function unwritable(path: string, field: string, problem: string): WbError {
  return new WbError("WB4512", `${path}: cannot be written as GGUF: ${problem}`, {
    details: { path, field },
  });
}
