import {
  checkSampling,
  DEFAULT_SAMPLING,
  type SamplingSettings,
} from "../runtime/generation/sampling-settings.ts";
import { NO_DEFAULTS, type GenerationDefaults } from "./generation-config.ts";

/**
 * Settings that were given, over those of generation_config.json, over transformers' own. What is only of drawing is left out where
 * nothing is drawn, as transformers does.
 * @throws WbError WB2801 naming the setting that is out of range.
 */
export function samplingOf(
  given: Partial<SamplingSettings>,
  { sampling }: Pick<GenerationDefaults, "sampling"> = NO_DEFAULTS,
): SamplingSettings {
  const doSample = given.doSample ?? DEFAULT_SAMPLING.doSample;
  const { repetitionPenalty } = sampling;
  const ofGreedy = repetitionPenalty === undefined ? {} : { repetitionPenalty };
  const base = { ...DEFAULT_SAMPLING, ...(doSample ? sampling : ofGreedy) };
  const settings: SamplingSettings = {
    doSample,
    temperature: given.temperature ?? base.temperature,
    topK: given.topK ?? base.topK,
    topP: given.topP ?? base.topP,
    minP: given.minP ?? base.minP,
    typicalP: given.typicalP ?? base.typicalP,
    epsilonCutoff: given.epsilonCutoff ?? base.epsilonCutoff,
    etaCutoff: given.etaCutoff ?? base.etaCutoff,
    topH: given.topH ?? base.topH,
    repetitionPenalty: given.repetitionPenalty ?? base.repetitionPenalty,
    seed: given.seed ?? DEFAULT_SAMPLING.seed,
  };
  checkSampling(settings);
  return settings;
}
