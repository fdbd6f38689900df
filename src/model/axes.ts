import type { NetworkConfig } from "./config/model-config.ts";

interface AxisFacts {
  readonly size: (config: NetworkConfig) => number;
  /** The setting that the axis' length gives away, where it is one alone; the usual spelling, then families' own. */
  readonly fields?: readonly [string, ...string[]];
  /** Elements of the axis for each of the field's units. */
  readonly unit?: (config: NetworkConfig, field: string) => number;
}

/** Size of a row of the embeddings, and of what the head takes. */
export function embeddingSize({ embeddingSize: own, hiddenSize }: NetworkConfig): number {
  return own ?? hiddenSize;
}

const SHARED_SIZE = "shared_expert_intermediate_size";
const FFN_FIELDS = ["intermediate_size", "ffn_hidden_size", "ffn_dim", "n_inner"] as const;

/** What the axes of parameters run over. */
const AXES = {
  vocab: { size: ({ vocabSize }) => vocabSize, fields: ["vocab_size"] },
  /** The channels of the residual stream. */
  hidden: { size: ({ hiddenSize }) => hiddenSize },
  /** What embeddings and head have, the same but where a Linear stands between. */
  embedding: { size: (config) => embeddingSize(config), fields: ["word_embed_proj_dim"] },
  "heads·headDim": { size: ({ heads, headDim }) => heads * headDim },
  "kvHeads·headDim": {
    size: ({ kvHeads, headDim }) => kvHeads * headDim,
    fields: ["num_key_value_heads", "multi_query_group_num"],
    unit: ({ headDim }) => headDim,
  },
  queryRank: { size: ({ latent }) => latent?.queryRank ?? 0, fields: ["q_lora_rank"] },
  latent: { size: ({ latent }) => latent?.rank ?? 0, fields: ["kv_lora_rank"] },
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
    fields: ["v_head_dim"],
    unit: ({ heads }) => heads,
  },
  /** Rows of a table of learned positions. */
  positions: {
    size: ({ maxPositions, positionOffset = 0 }) => maxPositions + positionOffset,
    fields: ["max_position_embeddings", "n_positions"],
  },
  types: { size: ({ encoder }) => encoder?.types ?? 0, fields: ["type_vocab_size"] },
  taskTypes: { size: ({ encoder }) => encoder?.taskTypes ?? 0, fields: ["task_type_vocab_size"] },
  two: { size: () => 2 },
  labels: { size: ({ encoder }) => encoder?.labels ?? 0, fields: ["num_labels"] },
  headDim: { size: ({ headDim }) => headDim, fields: ["head_dim"] },
  experts: {
    size: ({ experts }) => experts?.count ?? 0,
    fields: ["num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"],
  },
  // Mixtral's networks are all of one size.
  expertFfn: {
    size: ({ experts }) => experts?.size ?? 0,
    fields: ["moe_intermediate_size", "intermediate_size"],
  },
  sharedFfn: {
    size: ({ experts }) => experts?.sharedSize ?? 0,
    fields: [SHARED_SIZE, "n_shared_experts", "moe_num_shared_experts"],
    unit: ({ experts }, field) => (field === SHARED_SIZE ? 1 : (experts?.size ?? 1)),
  },
  one: { size: () => 1 },
  ffn: { size: ({ intermediateSize }) => intermediateSize, fields: FFN_FIELDS },
  "2·ffn": {
    size: ({ intermediateSize }) => 2 * intermediateSize,
    fields: FFN_FIELDS,
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

/** @param isKnown Whether the model's config.json has a field, or its family's would. */
export function settingOf(
  axis: Axis,
  config: NetworkConfig,
  isKnown: (field: string) => boolean,
): AxisSetting | undefined {
  const { fields, unit: unitOf, size }: AxisFacts = AXES[axis];
  if (fields === undefined) return undefined;
  const field = fields.find(isKnown) ?? fields[0];
  const unit = unitOf?.(config, field) ?? 1;
  return { field, ours: size(config) / unit, unit };
}
