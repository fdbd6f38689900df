import { concatViews, slicedView, type TensorView } from "../assembly.ts";
import type { NameRule, SourceGroup, Target } from "../family.ts";
import {
  linearTarget,
  matrixLayoutShapes,
  tableTarget,
  vectorTarget,
  type MatrixFacts,
} from "../merge.ts";
import { LAYER_MATRICES, LM_HEAD } from "./decoder.ts";

/**
 * The names of Meta's own checkpoints, `consolidated.{rank}.pth` (facebookresearch/llama, llama/model.py). Its rotary turns
 * neighbours, 2j with 2j + 1, where everybody else's turns halves, j with j + D/2.
 */
const MATRICES = [
  ["attention.wv", "self_attn.v_proj"],
  ["attention.wo", "self_attn.o_proj"],
  ["feed_forward.w1", "mlp.gate_proj"],
  ["feed_forward.w2", "mlp.down_proj"],
  ["feed_forward.w3", "mlp.up_proj"],
] as const;

const ROTATED = [
  ["attention.wq", "self_attn.q_proj"],
  ["attention.wk", "self_attn.k_proj"],
] as const;

const NORMS = [
  ["attention_norm", "input_layernorm"],
  ["ffn_norm", "post_attention_layernorm"],
] as const;

const matrixRules: readonly NameRule[] = MATRICES.map(([stored, name]) => ({
  kind: "make",
  pattern: `layers.{i}.${stored}.weight`,
  targets: (group, layer) => [
    linearTarget(`model.layers.${layer}.${name}.weight`, group, LAYER_MATRICES[name](group.config)),
  ],
  layoutShapes: (config, parts) => matrixLayoutShapes(LAYER_MATRICES[name](config), parts),
}));

const rotatedRules: readonly NameRule[] = ROTATED.map(([stored, name]) => ({
  kind: "make",
  pattern: `layers.{i}.${stored}.weight`,
  targets: (group, layer) => [
    rotatedTarget(
      `model.layers.${layer}.${name}.weight`,
      group,
      LAYER_MATRICES[name](group.config),
    ),
  ],
  layoutShapes: (config, parts) => matrixLayoutShapes(LAYER_MATRICES[name](config), parts),
}));

/** A Linear weight whose rows [heads, D/2, 2] become [heads, 2, D/2]. */
function rotatedTarget(name: string, group: SourceGroup, facts: MatrixFacts): Target {
  const target = linearTarget(name, group, facts);
  const { headDim } = group.config;
  const views = target.assembly?.parts.flatMap((part) => halvesOfHeads(part, headDim));
  const turned =
    "rotary pairs lie side by side; the target has a head's first halves, then the second";
  return {
    ...target,
    assembly: views === undefined ? undefined : concatViews(views, 0),
    why: group.parts.length > 1 ? `${turned}; ${target.why}` : turned,
  };
}

/** For each head its even rows, then its odd ones. */
function halvesOfHeads(view: TensorView, headDim: number): readonly TensorView[] {
  const heads = (view.shape[0] ?? 0) / headDim;
  return Array.from({ length: 2 * heads }, (_unused, half) => {
    const begin = Math.floor(half / 2) * headDim + (half % 2);
    return slicedView(view, 0, begin, headDim / 2, 2);
  });
}

const normRules: readonly NameRule[] = NORMS.map(([stored, name]) => ({
  kind: "make",
  pattern: `layers.{i}.${stored}.weight`,
  targets: (group, layer) => [
    vectorTarget(`model.layers.${layer}.${name}.weight`, group, group.config.hiddenSize, false),
  ],
}));

/** LLaMA 1 and 2 cut the embeddings along hidden, LLaMA 3 along the vocabulary; the shapes tell. */
const topRules: readonly NameRule[] = [
  {
    kind: "make",
    pattern: "tok_embeddings.weight",
    targets: (group) => [
      tableTarget("model.embed_tokens.weight", group, [
        group.config.vocabSize,
        group.config.hiddenSize,
      ]),
    ],
  },
  {
    kind: "make",
    pattern: "output.weight",
    targets: (group) => [linearTarget("lm_head.weight", group, LM_HEAD(group.config))],
    layoutShapes: (config, parts) => matrixLayoutShapes(LM_HEAD(config), parts),
  },
];

const dropRules: readonly NameRule[] = [
  "rope.freqs",
  "layers.{i}.attention.inner_attention.rope.freqs",
].map((pattern) => ({
  kind: "drop",
  pattern,
  why: "rotary tables are computed from the configuration; the stored ones have no effect",
}));

export const META_RULES: readonly NameRule[] = [
  ...topRules,
  ...matrixRules,
  ...rotatedRules,
  ...normRules,
  ...dropRules,
];
