import { concatViews, slicedView, type TensorView } from "../assembly.ts";
import type { NameRule, SourceGroup, Target, TensorSpec } from "../family.ts";
import {
  linearTarget,
  matrixLayoutShapes,
  tableTarget,
  torchView,
  vectorTarget,
  type MatrixFacts,
} from "../merge.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import { sameShape } from "../../tensor/shape.ts";

/** The Linear weights of one decoder layer, by their name below `model.layers.{i}.`. */
export const LAYER_MATRICES = {
  "self_attn.q_proj": (c: ModelConfig): MatrixFacts => ({
    out: c.heads * c.headDim,
    in: c.hiddenSize,
    split: "out",
  }),
  "self_attn.k_proj": (c: ModelConfig): MatrixFacts => ({
    out: c.kvHeads * c.headDim,
    in: c.hiddenSize,
    split: "out",
  }),
  "self_attn.v_proj": (c: ModelConfig): MatrixFacts => ({
    out: c.kvHeads * c.headDim,
    in: c.hiddenSize,
    split: "out",
  }),
  "self_attn.o_proj": (c: ModelConfig): MatrixFacts => ({
    out: c.hiddenSize,
    in: c.heads * c.headDim,
    split: "in",
  }),
  "mlp.gate_proj": (c: ModelConfig): MatrixFacts => ({
    out: c.intermediateSize,
    in: c.hiddenSize,
    split: "out",
  }),
  "mlp.up_proj": (c: ModelConfig): MatrixFacts => ({
    out: c.intermediateSize,
    in: c.hiddenSize,
    split: "out",
  }),
  "mlp.down_proj": (c: ModelConfig): MatrixFacts => ({
    out: c.hiddenSize,
    in: c.intermediateSize,
    split: "in",
  }),
} as const satisfies Record<string, (config: ModelConfig) => MatrixFacts>;

export const LM_HEAD = (c: ModelConfig): MatrixFacts => ({
  out: c.vocabSize,
  in: c.hiddenSize,
  split: "out",
});

const LAYER_NORMS = ["input_layernorm", "post_attention_layernorm"] as const;

/** Biases that the configuration turns on, by the Linear they belong to. */
function hasBias(matrix: string, config: ModelConfig): boolean {
  return matrix.startsWith("self_attn.") ? config.attentionBias : config.mlpBias;
}

/** The tensors of a LLaMA-shaped decoder, InternLM's among them. */
export function decoderTensors(config: ModelConfig): readonly TensorSpec[] {
  const tensors: TensorSpec[] = [
    {
      name: "model.embed_tokens.weight",
      shape: [config.vocabSize, config.hiddenSize],
      linear: false,
    },
  ];
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = `model.layers.${layer}`;
    for (const [name, factsOf] of Object.entries(LAYER_MATRICES)) {
      const facts = factsOf(config);
      tensors.push({
        name: `${prefix}.${name}.weight`,
        shape: [facts.out, facts.in],
        linear: true,
      });
      if (hasBias(name, config))
        tensors.push({ name: `${prefix}.${name}.bias`, shape: [facts.out], linear: false });
    }
    for (const norm of LAYER_NORMS) {
      tensors.push({ name: `${prefix}.${norm}.weight`, shape: [config.hiddenSize], linear: false });
    }
  }
  tensors.push({ name: "model.norm.weight", shape: [config.hiddenSize], linear: false });
  const head = LM_HEAD(config);
  if (!config.tieWordEmbeddings)
    tensors.push({ name: "lm_head.weight", shape: [head.out, head.in], linear: true });
  return tensors;
}

const matrixRules: readonly NameRule[] = Object.entries(LAYER_MATRICES).flatMap(
  ([name, factsOf]) => [
    {
      kind: "make" as const,
      pattern: `layers.{i}.${name}.weight`,
      targets: (group: SourceGroup, layer: number) => [
        linearTarget(`model.layers.${layer}.${name}.weight`, group, factsOf(group.config)),
      ],
      layoutShapes: (config: ModelConfig, parts: number) =>
        matrixLayoutShapes(factsOf(config), parts),
    },
    {
      kind: "make" as const,
      pattern: `layers.{i}.${name}.bias`,
      targets: (group: SourceGroup, layer: number) => {
        const { out, split } = factsOf(group.config);
        // A bias of a row-parallel Linear is added once, after the sum over ranks: every rank has all of it.
        return [vectorTarget(`model.layers.${layer}.${name}.bias`, group, out, split === "out")];
      },
    },
  ],
);

const normRules: readonly NameRule[] = LAYER_NORMS.map((norm) => ({
  kind: "make",
  pattern: `layers.{i}.${norm}.weight`,
  targets: (group, layer) => [
    vectorTarget(`model.layers.${layer}.${norm}.weight`, group, group.config.hiddenSize, false),
  ],
}));

const topRules: readonly NameRule[] = [
  {
    kind: "make",
    pattern: "embed_tokens.weight",
    targets: (group) => [
      tableTarget("model.embed_tokens.weight", group, [
        group.config.vocabSize,
        group.config.hiddenSize,
      ]),
    ],
  },
  {
    kind: "make",
    pattern: "norm.weight",
    targets: (group) => [vectorTarget("model.norm.weight", group, group.config.hiddenSize, false)],
  },
  {
    kind: "make",
    pattern: "lm_head.weight",
    targets: (group) => [linearTarget("lm_head.weight", group, LM_HEAD(group.config))],
    layoutShapes: (config, parts) => matrixLayoutShapes(LM_HEAD(config), parts),
  },
];

const DROP_RULES: readonly NameRule[] = ["inv_freq", "cos_cached", "sin_cached"].map((name) => ({
  kind: "drop",
  pattern: `layers.{i}.self_attn.rotary_emb.${name}`,
  why: "rotary tables are computed from config.json; the stored ones have no effect",
}));

/**
 * PaddleNLP's fused attention, `qkv_proj`: the rows of [out, in] go group by group, one group a key-value head: its query
 * heads, its key, its value (PaddleNLP v2.8.1, transformers/conversion_utils.py, `fuse_param_func`).
 */
const FUSED_QKV: NameRule = {
  kind: "make",
  pattern: "layers.{i}.self_attn.qkv_proj.weight",
  targets: (group, layer) => fusedQkvTargets(group, layer, group.config.hiddenSize, ".weight"),
  layoutShapes: (config, parts) => matrixLayoutShapes(qkvFacts(config), parts),
};

const FUSED_QKV_BIAS: NameRule = {
  kind: "make",
  pattern: "layers.{i}.self_attn.qkv_proj.bias",
  targets: (group, layer) => fusedQkvTargets(group, layer, undefined, ".bias"),
};

function qkvFacts(config: ModelConfig): MatrixFacts {
  return {
    out: (config.heads + 2 * config.kvHeads) * config.headDim,
    in: config.hiddenSize,
    split: "out",
  };
}

function fusedQkvTargets(
  group: SourceGroup,
  layer: number,
  columns: number | undefined,
  suffix: string,
): readonly Target[] {
  const { config, parts } = group;
  const { out } = qkvFacts(config);
  const partShape = columns === undefined ? [out / parts.length] : [out / parts.length, columns];
  const views = parts.map((part) => torchView(part, group.layout));
  const fits = views.every((view) => sameShape(view.shape, partShape));
  const perGroup = config.heads / config.kvHeads;
  const groups = config.kvHeads / parts.length;
  const rowsOf = (first: number, heads: number): readonly TensorView[] =>
    views.flatMap((view) =>
      Array.from({ length: groups }, (_unused, index) =>
        slicedView(
          view,
          0,
          (index * (perGroup + 2) + first) * config.headDim,
          heads * config.headDim,
        ),
      ),
    );
  const pieces: readonly (readonly [string, number, number])[] = [
    ["q_proj", 0, perGroup],
    ["k_proj", perGroup, 1],
    ["v_proj", perGroup + 1, 1],
  ];
  return pieces.map(([name, first, heads]) => ({
    name: `model.layers.${layer}.self_attn.${name}${suffix}`,
    assembly: fits ? concatViews(rowsOf(first, heads), 0) : undefined,
    expected: [group.layout === "paddle" ? partShape.toReversed() : partShape],
    why: `split from qkv_proj, which goes by key-value head: its queries, its key, its value${ranks(parts.length)}`,
  }));
}

/** PaddleNLP's fused `gate_up_fused_proj`: [gate | up] along out, on each rank. */
const FUSED_GATE_UP: NameRule = {
  kind: "make",
  pattern: "layers.{i}.mlp.gate_up_fused_proj.weight",
  targets: (group, layer) => {
    const { config, parts } = group;
    const half = config.intermediateSize / parts.length;
    const partShape = [2 * half, config.hiddenSize];
    const views = parts.map((part) => torchView(part, group.layout));
    const fits = views.every((view) => sameShape(view.shape, partShape));
    return ["gate_proj", "up_proj"].map((name, index) => ({
      name: `model.layers.${layer}.mlp.${name}.weight`,
      assembly: fits
        ? concatViews(
            views.map((view) => slicedView(view, 0, index * half, half)),
            0,
          )
        : undefined,
      expected: [group.layout === "paddle" ? partShape.toReversed() : partShape],
      why: `split from gate_up_fused_proj, which holds gate, then up${ranks(parts.length)}`,
    }));
  },
  layoutShapes: (config, parts) =>
    matrixLayoutShapes(
      { out: 2 * config.intermediateSize, in: config.hiddenSize, split: "out" },
      parts,
    ),
};

function ranks(count: number): string {
  return count > 1 ? `; parts of ${count} ranks` : "";
}

/** Hugging Face's and PaddleNLP's names of a LLaMA-shaped decoder, fused or not. */
export const DECODER_RULES: readonly NameRule[] = [
  ...topRules,
  ...matrixRules,
  ...normRules,
  FUSED_QKV,
  FUSED_QKV_BIAS,
  FUSED_GATE_UP,
  ...DROP_RULES,
];

/** What those names have in front. */
export const DECODER_PREFIXES: readonly string[] = ["llama", "model"];

export const DECODER_LAYERS: readonly string[] = ["layers"];
