import type { Axis } from "./axes.ts";
import type { EncoderHead } from "./config/model-config.ts";
import {
  EMBEDDING_NORM,
  EMBEDDINGS,
  grouped,
  LAYER,
  NORMS,
  OWN_HEAD,
  plainMlp,
  POSITIONS,
  withBias,
  type Network,
} from "./network.ts";
import type { Parameter, Role } from "./parameter.ts";

type When = NonNullable<Parameter["when"]>;

/** Tables of what kind of text, and in ERNIE 3 of what task, a token is of. */
export const TYPES = "model.embed_types.weight";
export const TASK_TYPES = "model.embed_task_types.weight";
/** Modules of the head that gives logits of masked tokens, and its bias. */
export const HEAD_DENSE = "lm_head.dense";
export const HEAD_NORM = "lm_head.norm";
export const HEAD_BIAS = "lm_head.bias";
/** Modules of the other heads: the pooler of the first token, and what stands on it or on the states. */
export const POOLER = "model.pooler.dense";
export const NEXT_SENTENCE = "model.next_sentence";
/** Classes, or where an answer starts and ends; RoBERTa has a dense layer before the classes of a text. */
export const CLASSIFIER = "classifier";
export const CLASSIFIER_DENSE = "classifier.dense";
/** UIE's. */
export const START = "linear_start";
export const END = "linear_end";

const hasHead =
  (...heads: readonly EncoderHead[]): When =>
  ({ encoder }) =>
    encoder !== undefined && heads.includes(encoder.head);
const isMasked = hasHead("maskedTokens");

function table(name: string, role: Role, rows: Axis, when?: When): Parameter {
  const parameter = { name, role, kind: "weight", class: "table", axes: [rows, "hidden"] } as const;
  return when === undefined ? parameter : { ...parameter, when };
}

function linear(module: string, role: Role, out: Axis, when?: When): readonly Parameter[] {
  const condition = when === undefined ? {} : { when };
  return [
    {
      name: `${module}.weight`,
      role,
      kind: "weight",
      class: "linear",
      axes: [out, "hidden"],
      ...condition,
    },
    { name: `${module}.bias`, role, kind: "bias", class: "vector", axes: [out], ...condition },
  ];
}

function norm(module: string, role: Role): readonly Parameter[] {
  const name = `${module}.weight`;
  return withBias({ name, role, kind: "weight", class: "vector", axes: ["hidden"] });
}

/**
 * BERT's network: every token sees all others, norms stand behind what is added, and one head stands on the states. Files may have a
 * pooler of the first token, and beside the head for masked tokens one on the pooler, which its logits do not depend on.
 */
export const ENCODER: Network = {
  block: "encoder",
  parameters: [
    table(EMBEDDINGS, "embedding", "vocab"),
    table(POSITIONS, "positionEmbedding", "positions"),
    table(TYPES, "typeEmbedding", "types"),
    table(TASK_TYPES, "taskTypeEmbedding", "taskTypes", ({ encoder }) =>
      encoder === undefined ? false : encoder.taskTypes > 0,
    ),
    ...norm(EMBEDDING_NORM, "embeddingNorm"),
    ...grouped({ bias: "qkvo" }),
    ...plainMlp,
    ...norm(LAYER + NORMS[0], "attentionNorm"),
    ...norm(LAYER + NORMS[1], "mlpNorm"),
    ...linear(POOLER, "pooler", "hidden", ({ encoder }) => encoder?.hasPooler === true),
    ...linear(HEAD_DENSE, "headDense", "hidden", isMasked),
    ...norm(HEAD_NORM, "headNorm").map((one): Parameter => ({ ...one, when: isMasked })),
    {
      name: HEAD_BIAS,
      role: "headBias",
      kind: "bias",
      class: "vector",
      axes: ["vocab"],
      when: isMasked,
    },
    {
      ...OWN_HEAD,
      when: (config, layer) => isMasked(config, layer) && OWN_HEAD.when?.(config, layer) === true,
    },
    ...linear(
      CLASSIFIER_DENSE,
      "classifierDense",
      "hidden",
      ({ encoder }) => encoder?.head === "sequence" && encoder.hasHeadDense,
    ),
    ...linear(CLASSIFIER, "classifier", "labels", hasHead("sequence", "tokens", "spans")),
    ...linear(START, "start", "one", hasHead("extraction")),
    ...linear(END, "end", "one", hasHead("extraction")),
    ...linear(
      NEXT_SENTENCE,
      "nextSentence",
      "two",
      ({ encoder }) => encoder?.hasNextSentence === true,
    ),
  ],
};
