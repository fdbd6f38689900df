import { candidates, type Candidates } from "./candidates.ts";
import { logitsRules, type AnswerFacts, type ChoiceRules } from "./choice-rules.ts";
import { checkSampling, type SamplingSettings } from "./sampling-settings.ts";
import { seededRandom, type Random } from "./random.ts";

/** Chooses the next id from logits [vocab] after `ids` (prompt and answer so far); may change `logits`. */
export type Sampler = (logits: Float32Array, ids: readonly number[]) => number;

/**
 * A sampler in transformers' order: rules with the repetition penalty among them, temperature, cuts, softmax, draw
 * (transformers v5.23.0, generation/logits_process.py and utils.py, `_get_logits_processor`).
 * @throws WbError WB2801 for settings out of range.
 */
export function createSampler(
  settings: SamplingSettings,
  rules: ChoiceRules = {},
  facts: AnswerFacts = { promptTokens: 0, maxNewTokens: 0, endIds: [] },
): Sampler {
  checkSampling(settings);
  const random = seededRandom(settings.seed);
  const { before, after } = logitsRules(rules, facts);
  return (logits, ids) => {
    for (const apply of before) apply(logits, ids);
    penalizeRepetition(logits, ids, settings.repetitionPenalty);
    for (const apply of after) apply(logits, ids);
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

function draw({ ids, probabilities }: Candidates, random: Random): number {
  let left = random();
  for (let index = 0; index < ids.length; index++) {
    left -= probabilities[index] ?? 0;
    if (left < 0) return ids[index] ?? 0;
  }
  return ids.at(-1) ?? 0;
}
