import { WbError } from "../../errors/wb-error.ts";
import type { EncoderHead, ModelConfig } from "../../model/config/model-config.ts";
import { outputWidth } from "../../model/encoder-heads.ts";
import {
  CLASSIFIER,
  CLASSIFIER_DENSE,
  END,
  HEAD_BIAS,
  HEAD_DENSE,
  HEAD_NORM,
  NEXT_SENTENCE,
  POOLER,
  START,
} from "../../model/encoder-network.ts";
import { checkWeightDtype, toFloat32 } from "../backends/cast.ts";
import type { Ops, Value } from "../backends/ops.ts";
import type { Steps } from "../backends/steps/steps.ts";
import { norm } from "./norm.ts";
import { linear } from "./parameters.ts";
import type { WeightStore } from "./weight-store.ts";

/** What a head is computed with. */
export interface HeadTools {
  readonly ops: Ops;
  readonly steps: Steps;
  readonly weights: WeightStore;
  readonly config: ModelConfig;
  /** Rows [N, C] times the vocabulary's matrix -> [N, vocab] in host memory. */
  vocabularyOf(x: Value): Promise<Float32Array>;
}

/**
 * What an encoder's head makes of states [N, C] of tokens, [N, `outputWidth`] in host memory. Heads for a whole text are meant for its
 * first token's.
 */
export async function encoderOutput(tools: HeadTools, x: Value): Promise<Float32Array> {
  const { config, ops } = tools;
  const head: EncoderHead = config.encoder?.head ?? "none";
  switch (head) {
    case "maskedTokens":
      return maskedTokens(tools, x);
    case "none":
      return ops.read(x);
    case "sequence": {
      const dense = config.encoder?.hasHeadDense === true ? CLASSIFIER_DENSE : POOLER;
      return linearOf(tools, CLASSIFIER, await pooled(tools, dense, x));
    }
    case "tokens":
    case "spans":
      return linearOf(tools, CLASSIFIER, { value: x, isOwn: false });
    case "nextSentence":
      return linearOf(tools, NEXT_SENTENCE, await pooled(tools, POOLER, x));
    case "extraction":
      return startsAndEnds(tools, x);
    default:
      return head satisfies never;
  }
}

interface Rows {
  readonly value: Value;
  /** Whether it is freed after use. */
  readonly isOwn: boolean;
}

async function linearOf(
  { ops, steps, weights }: HeadTools,
  module: string,
  { value, isOwn }: Rows,
): Promise<Float32Array> {
  try {
    const own = await weights.module(module);
    const result = steps.scope(() => linear(steps, own, value)); // [N, out]
    const data = ops.read(result);
    ops.free(result);
    return data;
  } finally {
    if (isOwn) ops.free(value);
  }
}

/** tanh(dense(x)), of rows [N, C] (transformers v5.23.0, `BertPooler`, `RobertaClassificationHead`). */
async function pooled(tools: HeadTools, module: string, x: Value): Promise<Rows> {
  const { ops, config } = tools;
  const data = await linearOf(tools, module, { value: x, isOwn: false });
  for (let index = 0; index < data.length; index++) data[index] = Math.tanh(data[index] ?? 0);
  const { hiddenSize } = config;
  return { value: ops.upload(data, [data.length / hiddenSize, hiddenSize]), isOwn: true };
}

/** The logits of starts and of ends, side by side; UIE's probabilities are their sigmoids (PaddleNLP 3.0.0b4, transformers/ernie/modeling.py, `UIE`). */
async function startsAndEnds(tools: HeadTools, x: Value): Promise<Float32Array> {
  const starts = await linearOf(tools, START, { value: x, isOwn: false }); // [N, 1]
  const ends = await linearOf(tools, END, { value: x, isOwn: false }); // [N, 1]
  const width = outputWidth(tools.config);
  const both = new Float32Array(width * starts.length);
  for (const [row, start] of starts.entries()) both.set([start, ends[row] ?? 0], width * row);
  return both;
}

/** transformers v5.23.0, `BertLMPredictionHead`. */
async function maskedTokens(tools: HeadTools, x: Value): Promise<Float32Array> {
  const states = await headStates(tools, x);
  try {
    const logits = await tools.vocabularyOf(states);
    await addHeadBias(tools.weights, logits);
    return logits;
  } finally {
    tools.ops.free(states);
  }
}

/** What the head makes of states [N, C] before the vocabulary meets them (`BertPredictionHeadTransform`). */
async function headStates({ steps, weights, config }: HeadTools, x: Value): Promise<Value> {
  const activation = config.encoder?.headActivation ?? config.activation;
  if (activation === undefined) throw new WbError("WB7001", "a head without an activation");
  const [dense, normed] = [await weights.module(HEAD_DENSE), await weights.module(HEAD_NORM)];
  return steps.scope(() =>
    norm(steps, normed, config, steps.activate(linear(steps, dense, x), activation)),
  );
}

/** Adds the head's bias to logits [N, vocab]. */
async function addHeadBias(weights: WeightStore, logits: Float32Array): Promise<void> {
  const { bytes, dtype } = await weights.source.read(HEAD_BIAS);
  const bias = toFloat32(bytes, checkWeightDtype(dtype, HEAD_BIAS));
  for (let index = 0; index < logits.length; index++)
    logits[index] = (logits[index] ?? 0) + (bias[index % bias.length] ?? 0);
}
