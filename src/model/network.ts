import type { Axis } from "./axes.ts";
import type { NetworkConfig } from "./config/model-config.ts";
import type { Parameter, Role } from "./parameter.ts";

/** Whose equations a decoder's block computes. */
export type BlockName = "llama" | "glm";

/** A network as data: its parameters in the model's order. */
export interface Network {
  readonly block: BlockName;
  readonly parameters: readonly Parameter[];
}

type Switch = (config: NetworkConfig) => boolean;

const never: Switch = () => false;

/** weight [out, in] and, where the configuration has it, bias [out]. */
function linear(
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

function norm(name: string, role: Role): Parameter {
  return { name: `${name}.weight`, role, kind: "weight", class: "vector", axes: ["hidden"] };
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

const hasAttentionBias: Switch = ({ attentionBias }) => attentionBias;
const hasMlpBias: Switch = ({ mlpBias }) => mlpBias;

/** Queries, keys and values of grouped heads, and the output; which of them `attentionBias` gives a bias. */
export function grouped({ bias }: { readonly bias: "qkv" | "qkvo" }): readonly Parameter[] {
  return [
    ...linear(ATTENTION.query, "query", ["heads·headDim", "hidden"], "out", hasAttentionBias),
    ...linear(ATTENTION.key, "key", ["kvHeads·headDim", "hidden"], "out", hasAttentionBias),
    ...linear(ATTENTION.value, "value", ["kvHeads·headDim", "hidden"], "out", hasAttentionBias),
    ...linear(
      ATTENTION.output,
      "output",
      ["hidden", "heads·headDim"],
      "in",
      bias === "qkvo" ? hasAttentionBias : never,
    ),
  ];
}

/** SwiGLU of three Linears. */
export const gated: readonly Parameter[] = [
  ...linear(MLP.gate, "gate", ["ffn", "hidden"], "out", hasMlpBias),
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
}): Network {
  return {
    block: parts.block,
    parameters: [
      {
        name: EMBEDDINGS,
        role: "embedding",
        kind: "weight",
        class: "table",
        axes: ["vocab", "hidden"],
      },
      ...parts.attention,
      ...parts.mlp,
      norm(LAYER + NORMS[0], "attentionNorm"),
      norm(LAYER + NORMS[1], "mlpNorm"),
      { name: FINAL_NORM, role: "finalNorm", kind: "weight", class: "vector", axes: ["hidden"] },
      {
        name: HEAD,
        role: "head",
        kind: "weight",
        class: "head",
        axes: ["vocab", "hidden"],
        cut: 0,
        when: ({ tieWordEmbeddings }) => !tieWordEmbeddings,
      },
    ],
  };
}

/** Canonical names of a decoder's tensors outside of its layers. */
export const EMBEDDINGS = "model.embed_tokens.weight";
export const FINAL_NORM = "model.norm.weight";
export const HEAD = "lm_head.weight";
