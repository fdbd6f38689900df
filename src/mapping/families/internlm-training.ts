import type { NameRule } from "../family.ts";
import { linearTarget, matrixLayoutShapes, tableTarget, vectorTarget } from "../merge.ts";
import { stackedQkvRules } from "./stacked-qkv.ts";

/**
 * The names of InternLM's own training checkpoints, `model_tp{t}_pp{p}.pt` (InternLM/InternLM,
 * internlm/model/modeling_internlm.py and tools/transformers/convert2hf.py): always in torch's layout.
 */
const EMBEDDINGS = [
  "embedding.weight",
  "embedding.word_embeddings.weight",
  "tok_embeddings.weight",
];

const embeddingRules: readonly NameRule[] = EMBEDDINGS.map((pattern) => ({
  kind: "make",
  pattern,
  targets: (group) => [
    tableTarget("model.embed_tokens.weight", group, [
      group.config.vocabSize,
      group.config.hiddenSize,
    ]),
  ],
}));

/** w1 is gate, w2 is up, w3 is down; w1 and w2 are cut along out, w3 along in. */
const mlpRules: readonly NameRule[] = (
  [
    ["w1", "gate_proj", "out"],
    ["w2", "up_proj", "out"],
    ["w3", "down_proj", "in"],
  ] as const
).map(([stored, name, split]) => ({
  kind: "make",
  pattern: `blocks.{i}.mlp.${stored}.weight`,
  targets: (group, layer) => {
    const { intermediateSize, hiddenSize } = group.config;
    const facts =
      split === "out"
        ? { out: intermediateSize, in: hiddenSize, split }
        : { out: hiddenSize, in: intermediateSize, split };
    return [linearTarget(`model.layers.${layer}.mlp.${name}.weight`, group, facts)];
  },
  layoutShapes: ({ intermediateSize, hiddenSize }, parts) =>
    matrixLayoutShapes(
      split === "out"
        ? { out: intermediateSize, in: hiddenSize, split }
        : { out: hiddenSize, in: intermediateSize, split },
      parts,
    ),
}));

export const TRAINING_RULES: readonly NameRule[] = [
  ...embeddingRules,
  ...mlpRules,
  ...stackedQkvRules("blocks.{i}.mixer.Wqkv"),
  {
    kind: "make",
    pattern: "blocks.{i}.mixer.out_proj.weight",
    targets: (group, layer) => {
      const { hiddenSize, heads, headDim } = group.config;
      const facts = { out: hiddenSize, in: heads * headDim, split: "in" } as const;
      return [linearTarget(`model.layers.${layer}.self_attn.o_proj.weight`, group, facts)];
    },
  },
  {
    kind: "make",
    pattern: "blocks.{i}.mixer.out_proj.bias",
    targets: (group, layer) => [
      vectorTarget(
        `model.layers.${layer}.self_attn.o_proj.bias`,
        group,
        group.config.hiddenSize,
        false,
      ),
    ],
  },
  ...(
    [
      ["norm1", "input_layernorm"],
      ["norm2", "post_attention_layernorm"],
    ] as const
  ).map(([stored, name]): NameRule => ({
    kind: "make",
    pattern: `blocks.{i}.${stored}.weight`,
    targets: (group, layer) => [
      vectorTarget(`model.layers.${layer}.${name}.weight`, group, group.config.hiddenSize, false),
    ],
  })),
  {
    kind: "make",
    pattern: "head.weight",
    targets: (group) => {
      const { vocabSize, hiddenSize } = group.config;
      return [
        linearTarget("lm_head.weight", group, { out: vocabSize, in: hiddenSize, split: "out" }),
      ];
    },
    layoutShapes: ({ vocabSize, hiddenSize }, parts) =>
      matrixLayoutShapes({ out: vocabSize, in: hiddenSize, split: "out" }, parts),
  },
  {
    kind: "drop",
    pattern: "blocks.{i}.mixer.rotary_emb.inv_freq",
    why: "rotary tables are computed from config.json; the stored ones have no effect",
  },
];
