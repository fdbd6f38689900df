import type { SamplingSettings } from "./sampling-settings.ts";

/** Ids that `top_h` looks at (transformers v5.23.0, `TopHLogitsWarper`). */
const TOP_H_IDS = 100;

export interface Candidates {
  /** By falling probability. */
  readonly ids: readonly number[];
  /** Adds up to 1 within rounding. */
  readonly probabilities: Float64Array;
}

/** The ids that may be drawn, with their probabilities; cuts in transformers' order. */
export function candidates(logits: Float32Array, settings: SamplingSettings): Candidates {
  const scaled = atTemperature(logits, settings.temperature);
  const logitOf = (id: number): number => scaled[id] ?? Number.NEGATIVE_INFINITY;
  let ids = topK(scaled, settings.topH < 1 ? 0 : settings.topK).sort(
    (left, right) => logitOf(right) - logitOf(left) || left - right,
  );
  const cut = (keep: (probabilities: Float64Array) => readonly number[] | number): void => {
    const kept = keep(softmax(ids.map(logitOf)));
    ids = typeof kept === "number" ? ids.slice(0, kept) : kept.map((index) => ids[index] ?? 0);
  };
  const { topH, topK: most, topP, minP, typicalP, epsilonCutoff, etaCutoff } = settings;
  if (topH < 1) {
    ids = ids.slice(0, TOP_H_IDS);
    cut((probabilities) => withinEntropy(probabilities, topH));
    const kth = logitOf(ids[most - 1] ?? -1);
    if (most > 0 && most < ids.length) ids = ids.filter((id) => logitOf(id) >= kth);
  }
  if (topP < 1) cut((probabilities) => nucleus(probabilities, topP));
  if (minP > 0) cut((probabilities) => atLeast(probabilities, minP * (probabilities[0] ?? 0)));
  if (typicalP < 1) cut((probabilities) => typical(probabilities, typicalP));
  if (epsilonCutoff > 0) cut((probabilities) => atLeast(probabilities, epsilonCutoff));
  if (etaCutoff > 0)
    cut((probabilities) => {
      const fallen = Math.sqrt(etaCutoff) * Math.exp(-entropyOf(probabilities));
      return atLeast(probabilities, Math.min(etaCutoff, fallen));
    });
  return { ids, probabilities: softmax(ids.map(logitOf)) };
}

/**
 * Logits divided by the temperature in float32, as in torch. Where the largest leaves float32's range, all are taken from it first:
 * the same probabilities, which torch loses.
 */
function atTemperature(logits: Float32Array, temperature: number): Float32Array {
  const divisor = Math.fround(temperature);
  const largest = logits.reduce((best, logit) => (logit > best ? logit : best), -Infinity);
  if (Number.isFinite(Math.fround(largest / divisor)) || !Number.isFinite(largest))
    return logits.map((logit) => logit / divisor);
  return logits.map((logit) => (logit - largest) / temperature);
}

/** Ids whose logit is at least the k-th largest (`TopKLogitsWarper` keeps ties); all finite ones when k is 0. */
function topK(logits: Float32Array, k: number): number[] {
  const ranked = logits.toSorted();
  const threshold =
    k === 0 || k >= logits.length ? Number.NEGATIVE_INFINITY : (ranked[logits.length - k] ?? 0);
  const ids: number[] = [];
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? Number.NaN;
    if (logit >= threshold && logit > Number.NEGATIVE_INFINITY) ids.push(id);
  }
  return ids;
}

function softmax(logits: readonly number[]): Float64Array {
  const largest = logits.reduce((best, logit) => Math.max(best, logit), Number.NEGATIVE_INFINITY);
  const weights = Float64Array.from(logits, (logit) =>
    // Infinite ones, which a tiny repetition penalty makes, share alike.
    logit === largest ? 1 : Math.exp(logit - largest),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/**
 * How many of the falling `probabilities` `TopPLogitsWarper` keeps: it drops the least likely as long as what is dropped
 * adds up to at most 1 − topP, and keeps at least one.
 */
function nucleus(probabilities: Float64Array, topP: number): number {
  let dropped = 0;
  let count = probabilities.length;
  while (count > 1) {
    dropped += probabilities[count - 1] ?? 0;
    if (dropped > 1 - topP) break;
    count--;
  }
  return count;
}

/** How many of the falling `probabilities` are not below a least one; the likeliest always is kept. */
function atLeast(probabilities: Float64Array, least: number): number {
  const below = probabilities.findIndex((probability) => probability < least);
  return below === -1 ? probabilities.length : Math.max(1, below);
}

/** Shannon's, in nats. */
function entropyOf(probabilities: Float64Array): number {
  return probabilities.reduce(
    (sum, probability) => sum + (probability > 0 ? -probability * Math.log(probability) : 0),
    0,
  );
}

/** `TopHLogitsWarper`: the likeliest whose shares of the entropy add up to at most a part of it (arXiv 2509.02510). */
function withinEntropy(probabilities: Float64Array, part: number): number {
  const most = entropyOf(probabilities) * part;
  let sum = 0;
  for (const [index, probability] of probabilities.entries()) {
    sum += probability > 0 ? -probability * Math.log(probability) : 0;
    if (sum > most) return Math.max(1, index);
  }
  return probabilities.length;
}

/**
 * `TypicalLogitsWarper` (Meister et al. 2022, arXiv 2202.00666): those whose surprise is nearest to the expected one, until they add up
 * to a mass. @returns indices in rising order.
 */
function typical(probabilities: Float64Array, mass: number): readonly number[] {
  const entropy = entropyOf(probabilities);
  const distance = (index: number): number =>
    Math.abs(-Math.log(probabilities[index] ?? 0) - entropy);
  const ranked = Array.from(probabilities, (_, index) => index).sort(
    (left, right) => distance(left) - distance(right) || left - right,
  );
  let sum = 0;
  let last = 0;
  while (last < ranked.length - 1) {
    sum += probabilities[ranked[last] ?? 0] ?? 0;
    if (sum >= mass) break;
    last++;
  }
  const farthest = distance(ranked[last] ?? 0);
  return ranked.filter((index) => distance(index) <= farthest).sort((left, right) => left - right);
}
