import { LOWEST, type Ops, type Value } from "../ops.ts";
import { additiveMask } from "./mask.ts";
import type { KeyMask } from "./steps.ts";

/**
 * Scores of one band of queries take at most this many bytes; a few copies of them live at once. The scores of 2048
 * queries and keys on 32 heads would take 537 MB.
 */
export const SCORE_BYTES = 64 * 2 ** 20;

/**
 * softmax(q kᵀ / √D + mask) v (Vaswani et al. 2017, arXiv 1706.03762, equation 1), of grouped key heads after Ainslie et al. 2023,
 * arXiv 2305.13245: all queries, band by band, so that the scores stay within `SCORE_BYTES`.
 */
export function composedAttention(
  ops: Ops,
  q: Value,
  keys: Value,
  values: Value,
  keyMask: KeyMask,
): Value {
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
