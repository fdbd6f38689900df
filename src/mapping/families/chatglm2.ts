import { sameShape } from "../../tensor/shape.ts";
import { concatViews, slicedView } from "../assembly.ts";
import type { Family, NameRule, SourceGroup, StockClass, Target } from "../family.ts";
import {
  linearTarget,
  matrixLayoutShapes,
  tableTarget,
  torchView,
  vectorTarget,
  type MatrixFacts,
} from "../merge.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import { readChatglm2Config } from "./chatglm2-config.ts";
import { GLM_MATRICES, GLM_NORMS, glmTensors, readGlmConfig, STOCK_GLM } from "./stock-glm.ts";

type Matrix = keyof typeof GLM_MATRICES;

/** A list of layers is called `layers` by transformers and `encoder.layers` by the authors and PaddleNLP. */
const OWN = "encoder.layers.{i}";

function matrixRule(pattern: string, matrix: Matrix): NameRule {
  return {
    kind: "make",
    pattern: `${pattern}.weight`,
    targets: (group, layer) => [
      linearTarget(
        `model.layers.${layer}.${matrix}.weight`,
        group,
        GLM_MATRICES[matrix](group.config),
      ),
    ],
    layoutShapes: (config, parts) => matrixLayoutShapes(GLM_MATRICES[matrix](config), parts),
  };
}

function biasRule(pattern: string, matrix: Matrix): NameRule {
  return {
    kind: "make",
    pattern: `${pattern}.bias`,
    targets: (group, layer) => [
      vectorTarget(
        `model.layers.${layer}.${matrix}.bias`,
        group,
        GLM_MATRICES[matrix](group.config).out,
        true,
      ),
    ],
  };
}

function normRules(layers: string): readonly NameRule[] {
  return GLM_NORMS.map((norm) => ({
    kind: "make",
    pattern: `${layers}.${norm}.weight`,
    targets: (group, layer) => [
      vectorTarget(`model.layers.${layer}.${norm}.weight`, group, group.config.hiddenSize, false),
    ],
  }));
}

/** Tensors outside of layers, under transformers' and the authors' names. */
const TOP_RULES: readonly NameRule[] = [
  ...["embed_tokens.weight", "embedding.word_embeddings.weight"].map((pattern): NameRule => ({
    kind: "make",
    pattern,
    targets: (group) => [
      tableTarget("model.embed_tokens.weight", group, [
        group.config.vocabSize,
        group.config.hiddenSize,
      ]),
    ],
  })),
  ...["norm.weight", "encoder.final_layernorm.weight"].map((pattern): NameRule => ({
    kind: "make",
    pattern,
    targets: (group) => [vectorTarget("model.norm.weight", group, group.config.hiddenSize, false)],
  })),
  ...["lm_head.weight", "output_layer.weight"].map((pattern): NameRule => ({
    kind: "make",
    pattern,
    targets: (group) => [linearTarget("lm_head.weight", group, headFacts(group.config))],
    layoutShapes: (config, parts) => matrixLayoutShapes(headFacts(config), parts),
  })),
  {
    kind: "drop",
    pattern: "rotary_pos_emb.inv_freq",
    why: "rotary tables are computed from config.json; the stored ones have no effect",
  },
];

function headFacts({ vocabSize, hiddenSize }: ModelConfig): MatrixFacts {
  return { out: vocabSize, in: hiddenSize, split: "out" };
}

const QKV: readonly Matrix[] = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"];

/** query_key_value: all queries, then the keys of each group, then their values (modeling_chatglm.py, `SelfAttention`). */
function fusedQkvTargets(
  group: SourceGroup,
  layer: number,
  suffix: ".weight" | ".bias",
): readonly Target[] {
  const { config, parts, layout } = group;
  const sizes = QKV.map((matrix) => GLM_MATRICES[matrix](config).out);
  const shape =
    suffix === ".bias" ? [qkvFacts(config).out] : [qkvFacts(config).out, config.hiddenSize];
  const [part] = parts;
  const view = part === undefined || parts.length > 1 ? undefined : torchView(part, layout);
  let begin = 0;
  return QKV.map((matrix, index) => {
    const first = begin;
    const rows = sizes[index] ?? 0;
    begin += rows;
    return {
      name: `model.layers.${layer}.${matrix}${suffix}`,
      assembly:
        view !== undefined && sameShape(view.shape, shape)
          ? concatViews([slicedView(view, 0, first, rows)], 0)
          : undefined,
      expected: [layout === "paddle" ? shape.toReversed() : shape],
      why: "split from query_key_value, which holds queries, keys, values",
    };
  });
}

function qkvFacts(config: ModelConfig): MatrixFacts {
  const out = QKV.reduce((sum, matrix) => sum + GLM_MATRICES[matrix](config).out, 0);
  return { out, in: config.hiddenSize, split: "out" };
}

const FUSED_QKV: readonly NameRule[] = [
  {
    kind: "make",
    pattern: `${OWN}.self_attention.query_key_value.weight`,
    targets: (group, layer) => fusedQkvTargets(group, layer, ".weight"),
    layoutShapes: (config, parts) => matrixLayoutShapes(qkvFacts(config), parts),
  },
  {
    kind: "make",
    pattern: `${OWN}.self_attention.query_key_value.bias`,
    targets: (group, layer) => fusedQkvTargets(group, layer, ".bias"),
  },
];

/** PaddleNLP's older layout has these, and with them gate and up in alternating columns. */
const APART: readonly (readonly [stored: string, matrix: Matrix])[] = [
  [`${OWN}.self_attention.query`, "self_attn.q_proj"],
  [`${OWN}.self_attention.key`, "self_attn.k_proj"],
  [`${OWN}.self_attention.value`, "self_attn.v_proj"],
];

const H_TO_4H = `${OWN}.mlp.dense_h_to_4h`;

/**
 * dense_h_to_4h: gate, then up. Where queries, keys and values are apart, rows go gate, up, gate, up, …, so that tensor-parallel
 * ranks could be cut from it (PaddleNLP, transformers/chatglm_v2/chatglm-legacy-checkpoints-convert.py undoes it).
 */
const GATE_UP: NameRule = {
  kind: "make",
  pattern: `${H_TO_4H}.weight`,
  targets: (group, layer) => {
    const name = `model.layers.${layer}.mlp.gate_up_proj.weight`;
    const whole = linearTarget(name, group, GLM_MATRICES["mlp.gate_up_proj"](group.config));
    if (!group.patterns.has(`${APART[0]?.[0] ?? ""}.weight`) || whole.assembly === undefined)
      return [whole];
    const { parts } = whole.assembly;
    const halves = [0, 1].flatMap((first) =>
      parts.map((view) => slicedView(view, 0, first, (view.shape[0] ?? 0) / 2, 2)),
    );
    return [
      {
        ...whole,
        assembly: concatViews(halves, 0),
        why: "the older layout has rows of gate and up by turns; all of gate comes first",
      },
    ];
  },
  layoutShapes: (config, parts) =>
    matrixLayoutShapes(GLM_MATRICES["mlp.gate_up_proj"](config), parts),
};

const RULES: readonly NameRule[] = [
  ...TOP_RULES,
  // transformers' names
  ...Object.keys(GLM_MATRICES)
    .filter((matrix): matrix is Matrix => matrix in GLM_MATRICES)
    .map((matrix) => matrixRule(`layers.{i}.${matrix}`, matrix)),
  ...QKV.map((matrix) => biasRule(`layers.{i}.${matrix}`, matrix)),
  ...normRules("layers.{i}"),
  // the authors' and PaddleNLP's
  ...FUSED_QKV,
  ...APART.flatMap(([stored, matrix]) => [matrixRule(stored, matrix), biasRule(stored, matrix)]),
  matrixRule(`${OWN}.self_attention.dense`, "self_attn.o_proj"),
  GATE_UP,
  matrixRule(`${OWN}.mlp.dense_4h_to_h`, "mlp.down_proj"),
  ...normRules(OWN),
];

/** PaddleNLP's names inside a layer. */
const PADDLE_LAYER: ReadonlyMap<string, string> = new Map([
  ["self_attn.query_key_value", "self_attention.query_key_value"],
  ["self_attn.o_proj", "self_attention.dense"],
  ["mlp.gate_up_proj", "mlp.dense_h_to_4h"],
  ["mlp.down_proj", "mlp.dense_4h_to_h"],
]);

const PADDLE_TOP: ReadonlyMap<string, string> = new Map([
  ["model.embed_tokens.weight", "chatglm_v2.embedding.word_embeddings.weight"],
  ["model.norm.weight", "chatglm_v2.encoder.final_layernorm.weight"],
  ["lm_head.weight", "chatglm_v2.output_layer.weight"],
]);

/** The name in PaddleNLP's newer layout (v2.8.1, transformers/chatglm_v2/modeling.py). */
function paddleName(name: string): string {
  const inside = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name);
  if (inside === null) return PADDLE_TOP.get(name) ?? name;
  const [, layer = "", module = "", kind = ""] = inside;
  return `chatglm_v2.encoder.layers.${layer}.${PADDLE_LAYER.get(module) ?? module}.${kind}`;
}

/** `ChatGLMv2ForCausalLM` of PaddleNLP (v2.8.1, transformers/chatglm_v2/configuration.py). */
const PADDLE_CHATGLM2: StockClass = {
  architecture: "ChatGLMv2ForCausalLM",
  modelType: "chatglm_v2",
  fields: (config) => ({
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    ffn_hidden_size: config.intermediateSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    kv_channels: config.headDim,
    multi_query_group_num: config.kvHeads,
    max_sequence_length: config.maxPositions,
    layernorm_epsilon: config.rmsNormEps,
    add_qkv_bias: config.attentionBias,
    add_bias_linear: false,
    rmsnorm: true,
    post_layer_norm: true,
    apply_residual_connection_post_layernorm: false,
    tie_word_embeddings: config.tieWordEmbeddings,
  }),
};

const SHARED = {
  expected: glmTensors,
  prefixes: ["transformer", "chatglm_v2", "model"],
  layers: ["encoder.layers", "layers"],
  rules: RULES,
  paddlePrefix: "chatglm_v2.",
  paddleName,
  paddleFused: [{ parts: QKV, into: "self_attn.query_key_value" }],
  stock: STOCK_GLM,
  paddleClass: PADDLE_CHATGLM2,
} as const;

/**
 * ChatGLM2-6B (and ChatGLM3-6B, whose network is the same): multi-query attention in groups, rotary on neighbouring dimensions
 * of the first half of each head, SwiGLU from one Linear. Under the authors' names, and PaddleNLP's in both its layouts.
 */
export const CHATGLM2: Family = {
  ...SHARED,
  name: "chatglm2",
  architectures: [
    "ChatGLMModel",
    "ChatGLMForConditionalGeneration",
    "ChatGLMv2ForCausalLM",
    "ChatGLMv2Model",
  ],
  modelType: "chatglm",
  eosIds: [2],
  readConfig: readChatglm2Config,
};

/** What it is converted to: `GlmForCausalLM` of stock transformers. */
export const GLM: Family = {
  ...SHARED,
  name: "glm",
  architectures: ["GlmForCausalLM", "GlmModel"],
  modelType: "glm",
  readConfig: readGlmConfig,
};
