import type { Axis } from "./axes.ts";
import type { NetworkConfig } from "./config/model-config.ts";
import type { Parameter, Role } from "./parameter.ts";

/** Whose equations a decoder's block computes. */
export type BlockName =
  | "llama"
  | "glm"
  | "qwen3"
  | "gemma"
  | "gemma2"
  | "glm4"
  | "experts"
  | "latent"
  | "plain"
  | "encoder";

/** A network as data: its parameters in the model's order. */
export interface Network {
  readonly block: BlockName;
  readonly parameters: readonly Parameter[];
}

export type Switch = (config: NetworkConfig) => boolean;

const never: Switch = () => false;

/** weight [out, in] and, where the configuration has it, bias [out]. */
export function linear(
  module: string,
  role: Role,
  [out, input]: readonly [Axis, Axis],
  cut: "out" | "in",
  bias: Switch = never,
): readonly Parameter[] {
  const weight: Parameter = {
    name: `${LAYER}${module}.weight`,
    role,
    kind: "weight",
    class: "linear",
    axes: [out, input],
    cut: cut === "out" ? 0 : 1,
  };
  if (bias === never) return [weight];
  return [
    weight,
    {
      name: `${LAYER}${module}.bias`,
      role,
      kind: "bias",
      class: "vector",
      axes: [out],
      // A bias of a row-parallel Linear is added once, after the sum over ranks: every rank has all of it.
      ...(cut === "out" ? { cut: 0 } : {}),
      when: bias,
    },
  ];
}

export function norm(name: string, role: Role, axis: Axis = "hidden"): Parameter {
  return { name: `${name}.weight`, role, kind: "weight", class: "vector", axes: [axis] };
}

/** A norm as LayerNorm has it: with a bias. */
export function withBias(weight: Parameter): readonly Parameter[] {
  return [weight, { ...weight, name: weight.name.replace(/weight$/, "bias"), kind: "bias" }];
}

/** What canonical names of layers begin with. */
export const LAYER = "model.layers.{i}.";

/** Names of modules inside a layer. */
export const ATTENTION = {
  query: "self_attn.q_proj",
  key: "self_attn.k_proj",
  value: "self_attn.v_proj",
  output: "self_attn.o_proj",
} as const;
export const MLP = {
  gate: "mlp.gate_proj",
  up: "mlp.up_proj",
  gateUp: "mlp.gate_up_proj",
  down: "mlp.down_proj",
} as const;
export const NORMS = ["input_layernorm", "post_attention_layernorm"] as const;
/** Norms over each head of the queries and of the keys. */
export const HEAD_NORMS = { query: "self_attn.q_norm", key: "self_attn.k_norm" } as const;

/** Norms of a layer, by what they do: before attention and the feed-forward network, and of what these give. */
export interface LayerNorms {
  readonly attention: string;
  readonly attentionOutput?: string;
  readonly mlp: string;
  readonly mlpOutput?: string;
}

/** LLaMA's two. */
export const PRE_NORMS: LayerNorms = { attention: NORMS[0], mlp: NORMS[1] };
/** Gemma 2 and 3: `post_attention_layernorm` is another norm than LLaMA's of that name. */
export const GEMMA_NORMS: LayerNorms = {
  attention: "input_layernorm",
  attentionOutput: "post_attention_layernorm",
  mlp: "pre_feedforward_layernorm",
  mlpOutput: "post_feedforward_layernorm",
};
/** GLM-4-0414. */
export const GLM4_NORMS: LayerNorms = {
  attention: "input_layernorm",
  attentionOutput: "post_self_attn_layernorm",
  mlp: "post_attention_layernorm",
  mlpOutput: "post_mlp_layernorm",
};

export const hasAttentionBias: Switch = ({ attentionBias }) => attentionBias;
const hasOutputBias: Switch = ({ outputBias }) => outputBias === true;
const hasMlpBias: Switch = ({ mlpBias }) => mlpBias;

const OUTPUT_BIAS: Readonly<Record<"qkv" | "qkvo" | "qkv, o", Switch>> = {
  qkv: never,
  qkvo: hasAttentionBias,
  "qkv, o": hasOutputBias,
};

/**
 * Queries, keys and values of grouped heads, and the output; which of them `attentionBias` gives a bias: with `qkv, o` the output's
 * has a switch of its own. With `headNorms`, queries and keys have norms that all heads share; optional
 * ones where the configuration says so.
 */
export function grouped({
  bias,
  headNorms = false,
}: {
  readonly bias: keyof typeof OUTPUT_BIAS;
  readonly headNorms?: boolean | "optional";
}): readonly Parameter[] {
  return [
    ...linear(ATTENTION.query, "query", ["heads·headDim", "hidden"], "out", hasAttentionBias),
    ...linear(ATTENTION.key, "key", ["kvHeads·headDim", "hidden"], "out", hasAttentionBias),
    ...linear(ATTENTION.value, "value", ["kvHeads·headDim", "hidden"], "out", hasAttentionBias),
    ...linear(ATTENTION.output, "output", ["hidden", "heads·headDim"], "in", OUTPUT_BIAS[bias]),
    ...(headNorms === false
      ? []
      : [
          norm(LAYER + HEAD_NORMS.query, "queryNorm", "headDim"),
          norm(LAYER + HEAD_NORMS.key, "keyNorm", "headDim"),
        ].map((one): Parameter =>
          headNorms === "optional" ? { ...one, when: (config) => config.headNorms === true } : one,
        )),
  ];
}

/** SwiGLU of three Linears. */
export const gated: readonly Parameter[] = [
  ...linear(MLP.gate, "gate", ["ffn", "hidden"], "out", hasMlpBias),
  ...linear(MLP.up, "up", ["ffn", "hidden"], "out", hasMlpBias),
  ...linear(MLP.down, "down", ["hidden", "ffn"], "in", hasMlpBias),
];

/** Two Linears with an activation between them. */
export const plainMlp: readonly Parameter[] = [
  ...linear(MLP.up, "up", ["ffn", "hidden"], "out", hasMlpBias),
  ...linear(MLP.down, "down", ["hidden", "ffn"], "in", hasMlpBias),
];

/** SwiGLU with gate and up in one Linear, gate first. */
export const gatedInOne: readonly Parameter[] = [
  ...linear(MLP.gateUp, "gateUp", ["2·ffn", "hidden"], "out"),
  ...linear(MLP.down, "down", ["hidden", "ffn"], "in"),
];

/** A pre-norm decoder: embeddings, layers of attention and a feed-forward network, a norm, the head. */
export function decoder(parts: {
  readonly block: BlockName;
  readonly attention: readonly Parameter[];
  readonly mlp: readonly Parameter[];
  readonly norms?: LayerNorms;
  /** Norms are stored as their difference from 1. */
  readonly normsFromOne?: boolean;
  /** Norms are LayerNorms. */
  readonly layerNorms?: boolean;
  /** Learned positions are added to the embeddings. */
  readonly positions?: boolean;
  /** Embeddings are normed. */
  readonly embeddingNorm?: boolean;
  /** Embeddings may be of another size than the residual stream, with a Linear behind them and one before the head. */
  readonly projections?: boolean;
}): Network {
  const { attention, attentionOutput, mlp, mlpOutput } = parts.norms ?? PRE_NORMS;
  const optional = (name: string | undefined, role: Role): readonly Parameter[] =>
    name === undefined ? [] : [norm(LAYER + name, role)];
  const parameters: readonly Parameter[] = [
    {
      name: EMBEDDINGS,
      role: "embedding",
      kind: "weight",
      class: "table",
      axes: ["vocab", parts.projections === true ? "embedding" : "hidden"],
    },
    ...(parts.projections === true ? [projection(PROJECT_IN, "embeddingProjection")] : []),
    ...(parts.positions === true ? [POSITION_TABLE] : []),
    ...(parts.embeddingNorm === true ? [norm(EMBEDDING_NORM, "embeddingNorm")] : []),
    ...parts.attention,
    ...parts.mlp,
    norm(LAYER + attention, "attentionNorm"),
    ...optional(attentionOutput, "attentionOutputNorm"),
    norm(LAYER + mlp, "mlpNorm"),
    ...optional(mlpOutput, "mlpOutputNorm"),
    {
      name: FINAL_NORM,
      role: "finalNorm",
      kind: "weight",
      class: "vector",
      axes: ["hidden"],
      ...(parts.projections === true ? { when: hasFinalNorm } : {}),
    },
    ...(parts.projections === true
      ? [
          projection(PROJECT_OUT, "outputProjection"),
          { ...OWN_HEAD, axes: ["vocab", "embedding"] } satisfies Parameter,
        ]
      : [OWN_HEAD]),
  ];
  return {
    block: parts.block,
    parameters: parameters.flatMap((one): readonly Parameter[] => {
      if (!one.role.endsWith("Norm")) return [one];
      if (parts.layerNorms === true) return withBias(one);
      return [parts.normsFromOne === true ? { ...one, offset: 1 } : one];
    }),
  };
}

/** Canonical names of a decoder's tensors outside of its layers. */
export const EMBEDDINGS = "model.embed_tokens.weight";
export const POSITIONS = "model.embed_positions.weight";
/** The modules of the Linears between embeddings and the residual stream, and between that and the head. */
export const PROJECT_IN = "model.project_in";
export const PROJECT_OUT = "model.project_out";
/** The module of the norm of embeddings. */
export const EMBEDDING_NORM = "model.embed_norm";
export const FINAL_NORM = "model.norm.weight";
export const HEAD = "lm_head.weight";

/** A head that is not the embeddings. */
export const OWN_HEAD: Parameter = {
  name: HEAD,
  role: "head",
  kind: "weight",
  class: "head",
  axes: ["vocab", "hidden"],
  cut: 0,
  when: ({ tieWordEmbeddings }) => !tieWordEmbeddings,
};

const hasFinalNorm: Switch = ({ lacksFinalNorm }) => lacksFinalNorm !== true;

function projection(module: string, role: "embeddingProjection" | "outputProjection"): Parameter {
  return {
    name: `${module}.weight`,
    role,
    kind: "weight",
    class: "linear",
    axes: role === "embeddingProjection" ? ["hidden", "embedding"] : ["embedding", "hidden"],
    when: (config) => config.embeddingSize !== undefined,
  };
}

const POSITION_TABLE: Parameter = {
  name: POSITIONS,
  role: "positionEmbedding",
  kind: "weight",
  class: "table",
  axes: ["positions", "hidden"],
};
