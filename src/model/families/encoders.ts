import type { ConfigFields } from "../config/fields.ts";
import type { EncoderHead, ModelConfig, NetworkConfig } from "../config/model-config.ts";
import { activationName, readActivation } from "../config/activation.ts";
import { readPlainConfig, refuseOthers } from "../config/plain.ts";
import { HEAD_KINDS, headClass, headClasses, labelNames } from "../encoder-heads.ts";
import { ENCODER } from "../encoder-network.ts";
import { saidHead, type HeadTraits } from "../encoder-parts.ts";
import type { DroppedName, Family } from "../family.ts";
import { naming, type Naming } from "../names/naming.ts";

/** Names of the head's parts, transformers' and PaddleNLP's. */
interface HeadNames {
  readonly huggingface: readonly string[];
  readonly paddlenlp: readonly string[];
}

const BERT_HEAD: HeadNames = {
  huggingface: [
    "lm_head.dense | cls.predictions.transform.dense",
    "lm_head.norm | cls.predictions.transform.LayerNorm",
    "lm_head.bias | cls.predictions.bias",
    "lm_head.weight | cls.predictions.decoder.weight",
    "classifier | qa_outputs | same for spans",
  ],
  paddlenlp: [
    "lm_head.dense | cls.predictions.transform",
    "lm_head.norm | cls.predictions.layer_norm",
    "lm_head.bias | cls.predictions.decoder_bias",
    "lm_head.weight | cls.predictions.decoder.weight",
  ],
};

const ROBERTA_ROWS = [
  "lm_head.norm | lm_head.layer_norm",
  "lm_head.bias | lm_head.bias",
  "lm_head.weight | lm_head.decoder.weight",
];
/** In both, classes of a text have a dense layer before them. */
const ROBERTA_CLASSES = "classifier | classifier.out_proj | same for sequence";
const ROBERTA_HEAD: HeadNames = {
  huggingface: [...ROBERTA_ROWS, ROBERTA_CLASSES, "classifier | qa_outputs | same for spans"],
  paddlenlp: [...ROBERTA_ROWS, ROBERTA_CLASSES],
};

/** The names of transformers; older files call a norm's weight gamma and its bias beta. */
function huggingface(prefix: string, { huggingface: head }: HeadNames, isOld: boolean): Naming {
  const norms = [
    [`model.embed_norm`, `${prefix}embeddings.LayerNorm`],
    [".input_layernorm", ".attention.output.LayerNorm"],
    [".post_attention_layernorm", ".output.LayerNorm"],
  ] as const;
  const normRows = norms.flatMap(([ours, theirs]) =>
    isOld
      ? [`${ours}.weight | ${theirs}.gamma`, `${ours}.bias | ${theirs}.beta`]
      : [`${ours} | ${theirs}`],
  );
  const headRows = head.flatMap((row) => {
    const [ours = "", theirs = ""] = row.split(" | ");
    if (!isOld || ours !== "lm_head.norm") return [row];
    return [`${ours}.weight | ${theirs}.gamma`, `${ours}.bias | ${theirs}.beta`];
  });
  return naming(ENCODER, {
    prefix,
    layer: `${prefix}encoder.layer.{i}.`,
    rows: [
      `model.embed_tokens.weight | ${prefix}embeddings.word_embeddings.weight`,
      `model.embed_positions.weight | ${prefix}embeddings.position_embeddings.weight`,
      `model.embed_types.weight | ${prefix}embeddings.token_type_embeddings.weight`,
      `model.embed_task_types.weight | ${prefix}embeddings.task_type_embeddings.weight`,
      ".self_attn.q_proj | .attention.self.query",
      ".self_attn.k_proj | .attention.self.key",
      ".self_attn.v_proj | .attention.self.value",
      ".self_attn.o_proj | .attention.output.dense",
      ".mlp.up_proj | .intermediate.dense",
      ".mlp.down_proj | .output.dense",
      "model.next_sentence | cls.seq_relationship",
      ...normRows,
      ...headRows,
      "classifier | classifier",
    ],
  });
}

/**
 * PaddleNLP 3.0.0b4, transformers/{bert,ernie,roberta}/modeling.py: Linears are transposed, the one of the head among them.
 */
function paddlenlp(prefix: string, { paddlenlp: head }: HeadNames): Naming {
  return naming(ENCODER, {
    prefix,
    layer: `${prefix}encoder.layers.{i}.`,
    transposed: ["linear"],
    rows: [
      `model.embed_tokens.weight | ${prefix}embeddings.word_embeddings.weight`,
      `model.embed_positions.weight | ${prefix}embeddings.position_embeddings.weight`,
      `model.embed_types.weight | ${prefix}embeddings.token_type_embeddings.weight`,
      `model.embed_task_types.weight | ${prefix}embeddings.task_type_embeddings.weight`,
      `model.embed_norm | ${prefix}embeddings.layer_norm`,
      ".self_attn.o_proj | .self_attn.out_proj",
      ".mlp.up_proj | .linear1",
      ".mlp.down_proj | .linear2",
      ".input_layernorm | .norm1",
      ".post_attention_layernorm | .norm2",
      "model.next_sentence | cls.seq_relationship",
      ...head,
      "classifier | classifier",
    ],
  });
}

/** What files have beside their weights. */
function drops(prefix: string, decoder: string): readonly DroppedName[] {
  return [
    { stored: `${prefix}embeddings.position_ids`, why: "numbers of positions, no weights" },
    { stored: `${decoder}.bias`, why: "both frameworks tie it to the head's bias, which is kept" },
  ];
}

function encoderFamily(
  name: "bert" | "roberta" | "ernie",
  heads: HeadTraits,
  without: readonly EncoderHead[],
  head: HeadNames,
): Family {
  const prefix = `${name}.`;
  const stockClass = headClass(heads.classes, "maskedTokens");
  const known = HEAD_KINDS.filter((kind) => !without.includes(kind));
  return {
    name,
    architectures: headClasses(heads.classes, known),
    modelType: name,
    checkedAgainst: `transformers 5.23, \`${stockClass}\``,
    readConfig: name === "roberta" ? readRoberta : (config) => readBert(config, heads),
    network: ENCODER,
    names: {
      huggingface: huggingface(prefix, head, false),
      old: huggingface(prefix, head, true),
      paddlenlp: paddlenlp(prefix, head),
      /** Nobody's files have them, but messages call the tensors so. */
      canonical: naming(ENCODER),
    },
    prefixes: [name, "model"],
    drops: drops(prefix, name === "roberta" ? "lm_head.decoder" : "cls.predictions.decoder"),
    stock: {
      architecture: stockClass,
      architectureOf: ({ encoder }) => headClass(heads.classes, encoder?.head ?? "maskedTokens"),
      modelType: name,
      fields: name === "ernie" ? ernieFields : fields,
    },
    heads,
  };
}

/** transformers v5.23.0, models/bert/modeling_bert.py. */
export const BERT = encoderFamily(
  "bert",
  { classes: "Bert", hasHeadDense: false },
  ["extraction"],
  BERT_HEAD,
);

const ROBERTA_HEADS: HeadTraits = { classes: "Roberta", hasHeadDense: true };

/** transformers v5.23.0, models/roberta/modeling_roberta.py: positions are counted from behind the padding's id on. */
export const ROBERTA = encoderFamily(
  "roberta",
  ROBERTA_HEADS,
  ["extraction", "nextSentence"],
  ROBERTA_HEAD,
);

/** ERNIE 1 to 3 (transformers v5.23.0, models/ernie/modeling_ernie.py); 3 has embeddings of the task. UIE stands on it. */
export const ERNIE = encoderFamily(
  "ernie",
  { classes: "Ernie", hasHeadDense: false },
  [],
  BERT_HEAD,
);

/** Classes where config.json does not say how many, as transformers has it. */
const LABELS = 2;

function readBert(config: ConfigFields, heads: HeadTraits): NetworkConfig {
  refuseOthers(config, {
    position_embedding_type: ["absolute"],
    is_decoder: [false],
    pool_act: ["tanh"],
    add_cross_attention: [false],
  });
  const network = readPlainConfig(config, {
    hiddenSize: ["hidden_size"],
    layers: ["num_hidden_layers"],
    heads: ["num_attention_heads"],
    intermediateSize: ["intermediate_size"],
    epsilon: ["layer_norm_eps"],
    maxPositions: ["max_position_embeddings"],
    defaults: { maxPositions: 512, epsilon: 1e-12 },
  });
  const labels = labelsIn(config);
  const hasTasks = config.flag(false, "use_task_id");
  return {
    ...network,
    positionOffset: 0,
    activation: readActivation(config, "gelu", "hidden_act"),
    encoder: {
      types: config.optionalCount("type_vocab_size") ?? 2,
      taskTypes: hasTasks ? (config.optionalCount("task_type_vocab_size") ?? 3) : 0,
      head: saidHead(config, heads) ?? "maskedTokens",
      hasHeadDense: heads.hasHeadDense,
      labels: labels ?? LABELS,
      saysLabels: labels !== undefined,
      hasPooler: false,
      hasNextSentence: false,
    },
  };
}

/** How many classes config.json has names of, or says. */
function labelsIn(config: ConfigFields): number | undefined {
  const names = config.object("id2label");
  const count = config.optionalCount("num_labels", "num_classes");
  if (names === undefined) return count;
  const named = Object.keys(names.raw).length;
  if (count !== undefined && count !== named)
    throw config.problem("num_labels", `${named}, as id2label has names`, count);
  return named;
}

/** RoBERTa's padding where config.json does not say. */
const PADDING = 1;

function readRoberta(config: ConfigFields): NetworkConfig {
  const network = readBert(config, ROBERTA_HEADS);
  const padding = config.ids("pad_token_id")[0] ?? PADDING;
  const positionOffset = padding + 1;
  if (network.maxPositions <= positionOffset)
    throw config.problem(
      "max_position_embeddings",
      `more than pad_token_id ${padding} and one`,
      network.maxPositions,
    );
  return {
    ...network,
    // Its head has GELU whatever the layers have (`RobertaLMHead`).
    ...(network.encoder === undefined
      ? {}
      : { encoder: { ...network.encoder, headActivation: "gelu" } }),
    maxPositions: network.maxPositions - positionOffset,
    positionOffset,
    uncountedId: padding,
  };
}

function fields(config: ModelConfig): Readonly<Record<string, unknown>> {
  return {
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    intermediate_size: config.intermediateSize,
    hidden_act: activationName(config),
    max_position_embeddings: config.maxPositions + (config.positionOffset ?? 0),
    type_vocab_size: config.encoder?.types,
    layer_norm_eps: config.rmsNormEps,
    tie_word_embeddings: config.tieWordEmbeddings,
    ...labelFields(config),
  };
}

/** Names of classes, and what the loss takes them for. */
function labelFields(config: ModelConfig): Readonly<Record<string, unknown>> {
  const { encoder, raw } = config;
  if (encoder?.head !== "sequence" && encoder?.head !== "tokens") return {};
  const names = labelNames(config) ?? [];
  const { problem_type: problem } = raw;
  return {
    id2label: Object.fromEntries(names.map((name, id) => [String(id), name])),
    label2id: Object.fromEntries(names.map((name, id) => [name, id])),
    ...(typeof problem === "string" ? { problem_type: problem } : {}),
  };
}

function ernieFields(config: ModelConfig): Readonly<Record<string, unknown>> {
  const taskTypes = config.encoder?.taskTypes ?? 0;
  return {
    ...fields(config),
    use_task_id: taskTypes > 0,
    ...(taskTypes > 0 ? { task_type_vocab_size: taskTypes } : {}),
  };
}
