import { WbError } from "../../errors/wb-error.ts";
import { seededRandom, type Random } from "./random.ts";

/** How the next token is chosen; names and defaults are transformers' (GenerationConfig, v4.36.2). */
export interface SamplingSettings {
  /** False takes the largest logit, the lowest id on ties. */
  readonly doSample: boolean;
  /** > 0; logits are divided by it. */
  readonly temperature: number;
  /** Keep the k largest logits and those equal to the k-th; 0 keeps all. */
  readonly topK: number;
  /** In (0, 1]; keep the smallest set of tokens whose probabilities reach it. */
  readonly topP: number;
  /** > 0; 1 changes nothing. Counts prompt and answer. */
  readonly repetitionPenalty: number;
  /** A whole number; the same seed gives the same tokens from the same logits. */
  readonly seed: number;
}

/** transformers' defaults: greedy; when sampling, temperature 1, top_k 50 and top_p 1. */
export const DEFAULT_SAMPLING: SamplingSettings = {
  doSample: false,
  temperature: 1,
  topK: 50,
  topP: 1,
  repetitionPenalty: 1,
  seed: 0,
};

/** @throws WbError WB2801 naming the first setting that is out of range. */
export function checkSampling(settings: SamplingSettings): void {
  const checks: readonly (readonly [boolean, string, number])[] = [
    [settings.temperature > 0, "temperature: expected a number above 0", settings.temperature],
    [
      Number.isSafeInteger(settings.topK) && settings.topK >= 0,
      "top-k: expected 0 or more",
      settings.topK,
    ],
    [settings.topP > 0 && settings.topP <= 1, "top-p: expected a number in (0, 1]", settings.topP],
    [
      settings.repetitionPenalty > 0,
      "repetition-penalty: expected a number above 0",
      settings.repetitionPenalty,
    ],
    [Number.isSafeInteger(settings.seed), "seed: expected a whole number", settings.seed],
  ];
  for (const [valid, expected, found] of checks) {
    if (!valid || !Number.isFinite(found))
      throw new WbError("WB2801", `${expected}, found ${found}`);
  }
}

/** Chooses the next id from logits [vocab] after `ids` (prompt and answer so far); may change `logits`. */
export type Sampler = (logits: Float32Array, ids: readonly number[]) => number;

/**
 * A sampler in transformers' order: repetition penalty, temperature, top-k, top-p, softmax, draw
 * (transformers v4.36.2, generation/logits_process.py and utils.py, `_get_logits_warper`).
 * @throws WbError WB2801 for settings out of range.
 */
export function createSampler(settings: SamplingSettings): Sampler {
  checkSampling(settings);
  const random = seededRandom(settings.seed);
  return (logits, ids) => {
    penalizeRepetition(logits, ids, settings.repetitionPenalty);
    return settings.doSample ? draw(candidates(logits, settings), random) : argmax(logits);
  };
}

/**
 * `RepetitionPenaltyLogitsProcessor`: each id that occurs has its logit divided by the penalty when positive, else
 * multiplied, once however often it occurs (CTRL, Keskar et al. 2019, section 4.1), in float32 as torch does.
 */
export function penalizeRepetition(
  logits: Float32Array,
  ids: readonly number[],
  penalty: number,
): void {
  if (penalty === 1) return;
  const factor = Math.fround(penalty);
  for (const id of new Set(ids)) {
    const logit = logits[id];
    if (logit !== undefined) logits[id] = logit < 0 ? logit * factor : logit / factor;
  }
}

/** Index of the largest logit, the first on ties; NaN is never the largest. */
export function argmax(logits: Float32Array): number {
  let best = 0;
  let bestLogit = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? Number.NaN;
    if (logit > bestLogit) {
      best = id;
      bestLogit = logit;
    }
  }
  return best;
}

interface Candidates {
  /** By falling probability. */
  readonly ids: readonly number[];
  /** Adds up to 1 within rounding. */
  readonly probabilities: Float64Array;
}

/** The ids that may be drawn, with their probabilities. */
export function candidates(logits: Float32Array, settings: SamplingSettings): Candidates {
  const scaled = atTemperature(logits, settings.temperature);
  const kept = topK(scaled, settings.topK).sort(
    (left, right) => (scaled[right] ?? 0) - (scaled[left] ?? 0) || left - right,
  );
  const probabilities = softmax(kept.map((id) => scaled[id] ?? Number.NEGATIVE_INFINITY));
  const count = nucleus(probabilities, settings.topP);
  return {
    ids: kept.slice(0, count),
    probabilities: softmax(
      kept.slice(0, count).map((id) => scaled[id] ?? Number.NEGATIVE_INFINITY),
    ),
  };
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
  if (topP >= 1) return probabilities.length;
  let dropped = 0;
  let count = probabilities.length;
  while (count > 1) {
    dropped += probabilities[count - 1] ?? 0;
    if (dropped > 1 - topP) break;
    count--;
  }
  return count;
}

function draw({ ids, probabilities }: Candidates, random: Random): number {
  let left = random();
  for (let index = 0; index < ids.length; index++) {
    left -= probabilities[index] ?? 0;
    if (left < 0) return ids[index] ?? 0;
  }
  return ids.at(-1) ?? 0;
}
