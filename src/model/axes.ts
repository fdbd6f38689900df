import type { NetworkConfig } from "./config/model-config.ts";

interface AxisFacts {
  readonly size: (config: NetworkConfig) => number;
  /** The setting that the axis' length gives away, where it is one alone. */
  readonly field?: string;
  /** Elements of the axis for each of the field's units. */
  readonly unit?: (config: NetworkConfig) => number;
}

/** Size of a row of the embeddings, and of what the head takes. */
export function embeddingSize({ embeddingSize: own, hiddenSize }: NetworkConfig): number {
  return own ?? hiddenSize;
}

/** What the axes of parameters run over. */
const AXES = {
  vocab: { size: ({ vocabSize }) => vocabSize, field: "vocab_size" },
  /** The channels of the residual stream. */
  hidden: { size: ({ hiddenSize }) => hiddenSize },
  /** What embeddings and head have, the same but where a Linear stands between. */
  embedding: { size: (config) => embeddingSize(config), field: "word_embed_proj_dim" },
  "heads·headDim": { size: ({ heads, headDim }) => heads * headDim },
  "kvHeads·headDim": {
    size: ({ kvHeads, headDim }) => kvHeads * headDim,
    field: "num_key_value_heads",
    unit: ({ headDim }) => headDim,
  },
  queryRank: { size: ({ latent }) => latent?.queryRank ?? 0, field: "q_lora_rank" },
  latent: { size: ({ latent }) => latent?.rank ?? 0, field: "kv_lora_rank" },
  /** The latent of keys and values, and the rotated dimensions of all heads' keys. */
  "latent+rotary": { size: ({ latent, rotaryDims }) => (latent?.rank ?? 0) + rotaryDims },
  "heads·queryDims": {
    size: ({ heads, latent, rotaryDims }) => heads * ((latent?.plainDims ?? 0) + rotaryDims),
  },
  /** For each head its key without positions, then its value. */
  "heads·keyValueDims": {
    size: ({ heads, latent }) => heads * ((latent?.plainDims ?? 0) + (latent?.valueDims ?? 0)),
  },
  "heads·valueDims": {
    size: ({ heads, latent }) => heads * (latent?.valueDims ?? 0),
    field: "v_head_dim",
    unit: ({ heads }) => heads,
  },
  /** Rows of a table of learned positions. */
  positions: {
    size: ({ maxPositions, positionOffset = 0 }) => maxPositions + positionOffset,
    field: "max_position_embeddings",
  },
  types: { size: ({ encoder }) => encoder?.types ?? 0, field: "type_vocab_size" },
  taskTypes: { size: ({ encoder }) => encoder?.taskTypes ?? 0, field: "task_type_vocab_size" },
  two: { size: () => 2 },
  labels: { size: ({ encoder }) => encoder?.labels ?? 0, field: "num_labels" },
  headDim: { size: ({ headDim }) => headDim, field: "head_dim" },
  experts: { size: ({ experts }) => experts?.count ?? 0, field: "num_experts" },
  expertFfn: { size: ({ experts }) => experts?.size ?? 0, field: "moe_intermediate_size" },
  sharedFfn: {
    size: ({ experts }) => experts?.sharedSize ?? 0,
    field: "shared_expert_intermediate_size",
  },
  one: { size: () => 1 },
  ffn: { size: ({ intermediateSize }) => intermediateSize, field: "intermediate_size" },
  "2·ffn": {
    size: ({ intermediateSize }) => 2 * intermediateSize,
    field: "intermediate_size",
    unit: () => 2,
  },
} as const satisfies Record<string, AxisFacts>;

export type Axis = keyof typeof AXES;

/** Whether an axis runs over the channels of the residual stream. */
export function isHidden(axis: Axis, config: NetworkConfig): boolean {
  return axis === "hidden" || (axis === "embedding" && config.embeddingSize === undefined);
}

export function axisSize(axis: Axis, config: NetworkConfig): number {
  return AXES[axis].size(config);
}

/** A setting of config.json that an axis' length gives away. */
export interface AxisSetting {
  readonly field: string;
  readonly ours: number;
  /** Elements of the axis for each of the setting's units. */
  readonly unit: number;
}

export function settingOf(axis: Axis, config: NetworkConfig): AxisSetting | undefined {
  const facts: AxisFacts = AXES[axis];
  if (facts.field === undefined) return undefined;
  const unit = facts.unit?.(config) ?? 1;
  return { field: facts.field, ours: facts.size(config) / unit, unit };
}
