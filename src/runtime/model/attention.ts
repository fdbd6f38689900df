import type { ModelConfig } from "../../model/config/model-config.ts";
import {
  hasSteps,
  LOWEST,
  type KeyMask,
  type BlockOps,
  type Ops,
  type Value,
} from "../backends/ops.ts";
import { additiveMask } from "./mask.ts";
import {
  linear,
  linearParameters,
  linears,
  type ModuleWeights,
  type ParameterSpec,
} from "./parameters.ts";
import { rotateHeads, type RotaryValues } from "./rope.ts";

// B batch · T new tokens · L tokens in all · C hidden size · H query heads · G key and value heads · D head size

/**
 * Scores of one band of queries take at most this many bytes; a few copies of them live at once. The scores of 2048
 * queries and keys on 32 heads would take 537 MB.
 */
export const SCORE_BYTES = 64 * 2 ** 20;

/** What attention needs to know of the sequence beside the hidden states. */
export interface AttentionContext {
  readonly layer: number;
  /** Of the T new tokens. */
  readonly newRotary: RotaryValues;
  /** Of all L tokens, where keys are cached before they are rotated; undefined where they are cached rotated. */
  readonly allRotary: RotaryValues | undefined;
  /** Over the L tokens. */
  readonly keyMask: KeyMask;
  readonly cache: KeyValueCache | undefined;
}

/** Where a layer leaves keys and values [B, G, T, D], and gets those of all L tokens. */
export interface KeyValueCache {
  append(
    layer: number,
    keys: Value,
    values: Value,
  ): { readonly keys: Value; readonly values: Value };
  /** As `append` of rows [B, G, T, D] that `LayerOps.layer` then sets; undefined where the backend has no such step. */
  readonly extend?:
    | ((
        layer: number,
        shape: readonly [number, number, number, number],
      ) => { readonly keys: Value; readonly values: Value })
    | undefined;
}

export function attentionParameters(config: ModelConfig): readonly ParameterSpec[] {
  return projectionParameters(config, config.attentionBias);
}

/** Projections of queries, keys, values and of the result; only the last one's bias is not the configuration's to say. */
export function projectionParameters(
  { hiddenSize: c, heads, kvHeads, headDim, attentionBias: bias }: ModelConfig,
  outputBias: boolean,
): readonly ParameterSpec[] {
  return [
    ...linearParameters("q_proj", heads * headDim, c, bias),
    ...linearParameters("k_proj", kvHeads * headDim, c, bias),
    ...linearParameters("v_proj", kvHeads * headDim, c, bias),
    ...linearParameters("o_proj", c, heads * headDim, outputBias),
  ];
}

/**
 * softmax(q kᵀ / √D + mask) v (Vaswani et al. 2017, arXiv 1706.03762, equation 1) with rotary positions; grouped key heads
 * after Ainslie et al. 2023, arXiv 2305.13245.
 */
export function attention(
  ops: BlockOps,
  weights: ModuleWeights,
  config: ModelConfig,
  x: Value,
  context: AttentionContext,
): Value {
  const { heads, kvHeads, headDim } = config;
  const [b = 0, t = 0] = x.shape;
  const [qs, ks, vs] = linears(ops, weights, ["q_proj", "k_proj", "v_proj"], x);
  const q = splitHeads(ops, qs, heads, headDim); // [B, H, T, D]
  const k = splitHeads(ops, ks, kvHeads, headDim); // [B, G, T, D]
  const v = splitHeads(ops, vs, kvHeads, headDim); // [B, G, T, D]
  const turned = rotateHeads(ops, q, context.newRotary); // [B, H, T, D]
  const { keys, values } = visibleKeys(ops, k, v, context); // [B, G, L, D]
  const mixed = attend(ops, turned, keys, values, context.keyMask); // [B, H, T, D]
  const merged = ops.reshape(ops.transpose(mixed, [0, 2, 1, 3]), [b, t, heads * headDim]); // [B, T, H·D]
  return linear(ops, weights.scope("o_proj"), merged); // [B, T, C]
}

/** [B, T, H·D] -> [B, H, T, D] */
function splitHeads(ops: BlockOps, x: Value, heads: number, headDim: number): Value {
  const [b = 0, t = 0] = x.shape;
  return ops.transpose(ops.reshape(x, [b, t, heads, headDim]), [0, 2, 1, 3]);
}

/** Rotated keys and values of all tokens; new ones go through the cache where there is one. */
function visibleKeys(
  ops: BlockOps,
  k: Value,
  v: Value,
  { layer, newRotary, allRotary, cache }: AttentionContext,
): { readonly keys: Value; readonly values: Value } {
  if (allRotary === undefined) {
    const keys = rotateHeads(ops, k, newRotary);
    return cache?.append(layer, keys, v) ?? { keys, values: v };
  }
  const { keys, values } = cache?.append(layer, k, v) ?? { keys: k, values: v };
  return { keys: rotateHeads(ops, keys, allRotary), values };
}

/** Attention of all queries, band by band, so that the scores stay within `SCORE_BYTES`. */
function attend(ops: BlockOps, q: Value, keys: Value, values: Value, keyMask: KeyMask): Value {
  if (hasSteps(ops)) return ops.fused.attention(q, keys, values, keyMask);
  const [b = 0, h = 0, t = 0] = q.shape;
  const l = keys.shape[2] ?? 0;
  const band = Math.max(1, Math.floor(SCORE_BYTES / (4 * b * h * l)));
  if (band >= t) return attendBand(ops, q, keys, values, keyMask, l - t);
  const parts: Value[] = [];
  for (let begin = 0; begin < t; begin += band) {
    const queries = ops.slice(q, 2, begin, Math.min(band, t - begin)); // [B, H, t, D]
    parts.push(ops.scope(() => attendBand(ops, queries, keys, values, keyMask, l - t + begin)));
  }
  return ops.concat(parts, 2); // [B, H, T, D]
}

/** Attention of the queries [B, H, t, D] that begin at token `first`. */
function attendBand(
  ops: Ops,
  q: Value,
  keys: Value,
  values: Value,
  keyMask: KeyMask,
  first: number,
): Value {
  const [b = 0, h = 0, t = 0, d = 0] = q.shape;
  const [, g = 0, l = 0] = keys.shape;
  const rows = (h / g) * t; // query heads h·G/H … share a key head: their queries are rows of one product
  const grouped = ops.reshape(q, [b, g, rows, d]);
  const products = ops.matmul(grouped, keys, true); // [B, G, H/G·t, L]
  const scores = ops.reshape(ops.scale(products, 1 / Math.sqrt(d)), [b, h, t, l]); // [B, H, t, L]
  const weights = ops.softmax(masked(ops, scores, keyMask, first)); // [B, H, t, L]
  const mixed = ops.matmul(ops.reshape(weights, [b, g, rows, l]), values); // [B, G, H/G·t, D]
  return ops.reshape(mixed, [b, h, t, d]); // [B, H, t, D]
}

function masked(ops: Ops, scores: Value, keyMask: KeyMask, first: number): Value {
  const [, , t = 0, l = 0] = scores.shape;
  const mask = additiveMask(ops.compute, keyMask, first, t, l);
  if (mask === undefined) return scores;
  const sum = ops.add(scores, ops.upload(mask.data, mask.shape)); // [B, H, t, L]
  return ops.maximum(sum, LOWEST[ops.compute]);
}
