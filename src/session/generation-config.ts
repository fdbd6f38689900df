import { join } from "node:path";
import { WbError } from "../errors/wb-error.ts";
import { parseRawConfig } from "../model/config/fields.ts";
import type { ChoiceRules } from "../runtime/generation/choice-rules.ts";
import {
  checkSampling,
  DEFAULT_SAMPLING,
  type SamplingSettings,
} from "../runtime/generation/sampling-settings.ts";
import { readSmall } from "../sources/places.ts";
import { Settings } from "./generation-settings.ts";
import { neglected, shown } from "./generation-neglected.ts";

/** Largest generation_config.json that is read, in bytes: long lists of suppressed ids take some 10 kB. */
const MAX_BYTES = 4 * 2 ** 20;

const NAME = "generation_config.json";

/** What a model's generation_config.json says of how answers are chosen, where a call says nothing else. */
export interface GenerationDefaults {
  /** Ids that end an answer; empty where it names none. */
  readonly endIds: readonly number[];
  readonly doSample: boolean | undefined;
  /** Of drawing, and the repetition penalty. */
  readonly sampling: Partial<Omit<SamplingSettings, "doSample" | "seed">>;
  readonly rules: ChoiceRules;
  readonly maxNewTokens: number | undefined;
  /** Tokens of prompt and answer. */
  readonly maxLength: number | undefined;
  readonly stop: readonly string[];
  /** What of it is used and what is not, one sentence each. */
  readonly notes: readonly string[];
}

/** Of a folder without such a file. */
export const NO_DEFAULTS: GenerationDefaults = {
  endIds: [],
  doSample: undefined,
  sampling: {},
  rules: {},
  maxNewTokens: undefined,
  maxLength: undefined,
  stop: [],
  notes: [],
};

/** Settings of drawing by their names in the file, and where they change nothing (transformers v5.23.0). */
const SAMPLING = [
  ["temperature", "temperature", 1],
  ["top_k", "topK", undefined],
  ["top_p", "topP", 1],
  ["min_p", "minP", 0],
  ["typical_p", "typicalP", 1],
  ["epsilon_cutoff", "epsilonCutoff", 0],
  ["eta_cutoff", "etaCutoff", 0],
  ["top_h", "topH", 1],
  ["repetition_penalty", "repetitionPenalty", 1],
] as const satisfies readonly (readonly [string, keyof SamplingSettings, number | undefined])[];

/** Reads it. @throws WbError WB3701 for what no setting can be, WB3002. */
export async function readGenerationDefaults(folder: string): Promise<GenerationDefaults> {
  const path = join(folder, NAME);
  const bytes = await readSmall(path, MAX_BYTES);
  if (bytes === undefined) return NO_DEFAULTS;
  return parseGenerationDefaults(Buffer.from(bytes).toString("utf8"), path);
}

/** @throws WbError WB3701. */
export function parseGenerationDefaults(text: string, path: string): GenerationDefaults {
  const settings = new Settings(parseRawConfig(text, path), path);
  const { sampling, notes } = readSampling(settings);
  const defaults = {
    endIds: settings.ids("eos_token_id") ?? [],
    doSample: settings.flag("do_sample"),
    sampling,
    rules: readRules(settings),
    maxNewTokens: settings.whole("max_new_tokens", 1),
    maxLength: settings.whole("max_length", 1),
    stop: settings.texts("stop_strings"),
  };
  const unused = [...notes, ...neglected(settings.rest())];
  const used = settings.used
    .filter((name) => name !== "eos_token_id" && name !== "do_sample")
    .map((name) => `${name} ${shown(settings.written(name))}`);
  return {
    ...defaults,
    notes: [
      ...(used.length === 0
        ? []
        : [`${NAME}: ${used.join(", ")}: used where nothing else is said`]),
      ...(unused.length === 0 ? [] : [`${NAME}: not used: ${unused.join("; ")}`]),
    ],
  };
}

function readSampling(settings: Settings): Pick<GenerationDefaults, "sampling" | "notes"> {
  const notes: string[] = [];
  const sampling = Object.fromEntries(
    SAMPLING.flatMap(([name, field, idle]) => {
      const value = settings.number(name, idle);
      if (value === undefined) return [];
      // Written by people who mean greedy; transformers refuses to draw with it.
      if (name === "temperature" && value === 0) {
        settings.forget(name);
        notes.push("temperature 0, with which nothing can be drawn");
        return [];
      }
      return [[field, value] as const];
    }),
  );
  try {
    checkSampling({ ...DEFAULT_SAMPLING, ...sampling });
  } catch (error) {
    if (!(error instanceof WbError)) throw error;
    throw new WbError("WB3701", `${settings.path}: ${error.message}`, {
      details: { path: settings.path },
      cause: error,
    });
  }
  return { sampling, notes };
}

function readRules(settings: Settings): ChoiceRules {
  const decay = settings.pair("exponential_decay_length_penalty");
  const given = {
    sequenceBias: settings.biases("sequence_bias"),
    noRepeatNgramSize: settings.whole("no_repeat_ngram_size", 0, 0),
    badWords: settings.idLists("bad_words_ids"),
    minLength: settings.whole("min_length", 0, 0),
    minNewTokens: settings.whole("min_new_tokens", 0, 0),
    forcedBos: settings.ids("forced_bos_token_id")?.[0],
    forcedEos: settings.ids("forced_eos_token_id"),
    removesInvalid: settings.flag("remove_invalid_values"),
    decay: decay === undefined ? undefined : { start: decay[0], factor: decay[1] },
    suppressed: settings.ids("suppress_tokens"),
    suppressedAtBegin: settings.ids("begin_suppress_tokens"),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
