import { WbError } from "../../errors/wb-error.ts";

/** How the next token is chosen; names and defaults are transformers' (GenerationConfig, v5.23.0). */
export interface SamplingSettings {
  /** False takes the largest logit, the lowest id on ties. */
  readonly doSample: boolean;
  /** > 0; logits are divided by it. */
  readonly temperature: number;
  /** Keep the k largest logits and those equal to the k-th; 0 keeps all. */
  readonly topK: number;
  /** In (0, 1]; keep the smallest set of tokens whose probabilities reach it. */
  readonly topP: number;
  /** In [0, 1]; keep tokens at least so likely as this part of the likeliest; 0 keeps all. */
  readonly minP: number;
  /** In (0, 1]; keep the tokens nearest to the expected surprise whose probabilities reach it; 1 keeps all. */
  readonly typicalP: number;
  /** In [0, 1); keep tokens at least so likely; 0 keeps all. */
  readonly epsilonCutoff: number;
  /** In [0, 1); as `epsilonCutoff`, less where the distribution is flat; 0 keeps all. */
  readonly etaCutoff: number;
  /** In (0, 1]; keep the likeliest tokens whose shares of the entropy reach this part of it; 1 keeps all. */
  readonly topH: number;
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
  minP: 0,
  typicalP: 1,
  epsilonCutoff: 0,
  etaCutoff: 0,
  topH: 1,
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
    [settings.minP >= 0 && settings.minP <= 1, "min-p: expected a number in [0, 1]", settings.minP],
    [
      settings.typicalP > 0 && settings.typicalP <= 1,
      "typical-p: expected a number in (0, 1]",
      settings.typicalP,
    ],
    [
      settings.epsilonCutoff >= 0 && settings.epsilonCutoff < 1,
      "epsilon-cutoff: expected a number in [0, 1)",
      settings.epsilonCutoff,
    ],
    [
      settings.etaCutoff >= 0 && settings.etaCutoff < 1,
      "eta-cutoff: expected a number in [0, 1)",
      settings.etaCutoff,
    ],
    [settings.topH > 0 && settings.topH <= 1, "top-h: expected a number in (0, 1]", settings.topH],
    [
      settings.repetitionPenalty > 0,
      "repetition-penalty: expected a number above 0",
      settings.repetitionPenalty,
    ],
    [Number.isSafeInteger(settings.seed), "seed: expected a whole number", settings.seed],
  ];
  for (const [valid, expected, found] of checks) {
    if (!valid || !Number.isFinite(found))
      throw new WbError("WB2801", `${expected}, found ${found}`, { details: { expected, found } });
  }
}
