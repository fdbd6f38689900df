import type { ChoiceRules } from "../runtime/generation/choice-rules.ts";
import type { SamplingSettings } from "../runtime/generation/sampling-settings.ts";
import type { GenerationDefaults } from "../session/generation-config.ts";
import { samplingOf } from "../session/generation-sampling.ts";
import type { Fields } from "./fields.ts";
import { Problem } from "./problem.ts";

/** Stop texts of one request at most, as OpenAI's API has it. */
const MAX_STOPS = 4;

/** Characters of a stop text at most: every new token is searched for it. */
const MAX_STOP_LENGTH = 1000;

/** Answers to one prompt at most. */
const MAX_CHOICES = 16;

/** Largest number of likeliest tokens told of each token. */
export const MAX_TOP_LOGPROBS = 20;

/** Logits are changed by at most so much, as OpenAI's API has it. */
const MAX_BIAS = 100;

/** Ids whose logits one request may change. */
const MAX_BIASED_IDS = 1024;

/** Fields of vLLM's that clients send with the value which changes nothing; any other is refused for its reason. */
const NEUTRAL: ReadonlyMap<string, readonly [off: unknown, why: string]> = new Map([
  ["use_beam_search", [false, "answers are drawn token by token, without beams"]],
  ["length_penalty", [1, "it belongs to beams, which are not supported"]],
  ["include_stop_str_in_output", [false, "the stop text is never part of an answer"]],
  ["skip_special_tokens", [true, "special tokens are never written in an answer"]],
  ["spaces_between_special_tokens", [true, "special tokens are never written in an answer"]],
  ["bad_words", [[], "use logit_bias to keep tokens out"]],
  ["logits_processors", [[], "no code of a request runs"]],
  ["thinking_token_budget", [-1, "how long a model thinks is not limited apart from its answer"]],
  ["structured_outputs", [undefined, "only answers of plain text are supported"]],
  ["guided_json", [undefined, "only answers of plain text are supported"]],
  ["guided_regex", [undefined, "only answers of plain text are supported"]],
  ["guided_choice", [undefined, "only answers of plain text are supported"]],
  ["guided_grammar", [undefined, "only answers of plain text are supported"]],
  ["allowed_token_ids", [undefined, "use logit_bias to keep other tokens out"]],
  ["truncate_prompt_tokens", [undefined, "a prompt is never cut"]],
  ["prompt_logprobs", [undefined, "use echo with logprobs of /v1/completions"]],
  ["prompt_embeds", [undefined, "prompts are texts or token ids"]],
  ["watermarking", [false, "answers carry no watermark"]],
  ["logprob_token_ids", [undefined, "logprobs are told of the likeliest tokens"]],
  ["repetition_detection", [undefined, "an answer ends by its stop texts, ids and length alone"]],
  ["kv_transfer_params", [undefined, "no other server has a part in an answer"]],
  ["ec_transfer_params", [undefined, "no other server has a part in an answer"]],
  ["vllm_xargs", [undefined, "there are no extensions that would read it"]],
  ["routed_experts_prompt_start", [0, "chosen experts are not told of"]],
]);

const isSame = (value: unknown, off: unknown): boolean =>
  Array.isArray(off) ? Array.isArray(value) && value.length === 0 : value === off;

/** What OpenAI adds to logits beside sampling proper. */
export interface Adjustments {
  /** Taken off the logit of an id once for each time it occurs in the answer. */
  readonly frequencyPenalty: number;
  /** Taken off the logit of every id that occurs in the answer. */
  readonly presencePenalty: number;
  /** Added to the logit of an id. */
  readonly bias: ReadonlyMap<number, number>;
}

/** How answers are chosen, as both kinds of requests say it. */
export interface AnswerSettings {
  readonly sampling: SamplingSettings;
  readonly adjustments: Adjustments;
  /** Beside those of the model's own settings. */
  readonly rules: ChoiceRules;
  readonly stop: readonly string[];
  /** Answers to each prompt. */
  readonly choices: number;
  readonly stream: boolean;
  /** Whether the stream ends with the count of tokens. */
  readonly streamsUsage: boolean;
  /** Goes on behind the end-of-sequence token, as vLLM's `ignore_eos`. */
  readonly ignoresEos: boolean;
  /** Ids that end an answer beside those of the model, also where it goes on behind its own; vLLM's `stop_token_ids`. */
  readonly stopTokenIds: readonly number[];
  /** Tells the token ids of prompt and answer, as vLLM's `return_token_ids`. */
  readonly tellsIds: boolean;
}

/** What of a model its settings are held to. */
interface SettledBy {
  readonly defaults: Pick<GenerationDefaults, "sampling">;
  readonly vocabSize: number;
}

/**
 * Reads the fields that both kinds of requests have. What is left out is as generation_config.json says, as in vLLM, and else as OpenAI
 * has it: temperature 1, nothing cut off.
 * @throws Problem 400.
 */
export function readSettings(fields: Fields, { defaults, vocabSize }: SettledBy): AnswerSettings {
  const stream = fields.flag("stream");
  const streamOptions = fields.object("stream_options");
  if (streamOptions !== undefined && !stream) {
    throw new Problem(400, "stream_options: only together with stream", {
      param: "stream_options",
      code: "invalid_value",
    });
  }
  const streamsUsage = streamOptions?.flag("include_usage") ?? false;
  streamOptions?.ignore("include_obfuscation");
  streamOptions?.refuseOthers();
  // What a client says of itself, and hints for caches and prices: no answer depends on them.
  fields.ignore(
    "user",
    "metadata",
    "store",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    // vLLM's: where a request stands in a queue, and what it is called.
    "priority",
    "request_id",
    "cache_salt",
    "session_id",
    // How many tokens a part of a stream has at most, and what vLLM itself passes over where answers are asked for.
    "stream_interval",
    "return_token_offsets",
    "return_mm_kwargs",
    // Without truncate_prompt_tokens and guided_json, which are refused, they say nothing.
    "truncation_side",
    "guided_decoding_backend",
    "guided_whitespace_pattern",
  );
  for (const [name, [off, why]] of NEUTRAL) fields.refuse(name, (value) => isSame(value, off), why);
  const fewest = fields.whole("min_tokens", 0, Number.MAX_SAFE_INTEGER) ?? 0;
  return {
    sampling: readSampling(fields, defaults),
    rules: fewest === 0 ? {} : { minNewTokens: fewest },
    adjustments: {
      frequencyPenalty: fields.number("frequency_penalty", -2, 2) ?? 0,
      presencePenalty: fields.number("presence_penalty", -2, 2) ?? 0,
      bias: readBias(fields, vocabSize),
    },
    stop: readStop(fields),
    choices: fields.whole("n", 1, MAX_CHOICES) ?? 1,
    stream,
    streamsUsage,
    ignoresEos: fields.flag("ignore_eos"),
    stopTokenIds: readStopIds(fields),
    tellsIds: fields.flag("return_token_ids"),
  };
}

/** top_k, min_p and repetition_penalty are no fields of OpenAI's, but of most servers that speak its language. */
function readSampling(
  fields: Fields,
  defaults: Pick<GenerationDefaults, "sampling">,
): SamplingSettings {
  const temperature = fields.number("temperature", 0, 2);
  const topP = fields.number("top_p", 0, 1);
  const topK = fields.whole("top_k", -1, Number.MAX_SAFE_INTEGER) ?? defaults.sampling.topK ?? 0;
  const minP = fields.number("min_p", 0, 1);
  const repetitionPenalty = fields.number("repetition_penalty", 0.01, 100);
  const seed = fields.int64("seed");
  return samplingOf(
    {
      doSample: temperature !== 0 && topP !== 0,
      ...(temperature === undefined || temperature === 0 ? {} : { temperature }),
      ...(topP === undefined || topP === 0 ? {} : { topP }),
      ...(minP === undefined ? {} : { minP }),
      ...(repetitionPenalty === undefined ? {} : { repetitionPenalty }),
      // vLLM's -1 and transformers' 0 keep all.
      topK: Math.max(topK, 0),
      // The generator takes 53 bits and a sign.
      seed:
        seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(BigInt.asIntN(53, seed)),
    },
    defaults,
  );
}

function readStop(fields: Fields): readonly string[] {
  const value = fields.any("stop");
  if (value === undefined) return [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (
    list.length <= MAX_STOPS &&
    list.every(
      (stop): stop is string =>
        typeof stop === "string" && stop !== "" && stop.length <= MAX_STOP_LENGTH,
    )
  )
    return list;
  throw fields.wrong(
    "stop",
    `a text or at most ${MAX_STOPS} of them, of 1 to ${MAX_STOP_LENGTH} characters each`,
    value,
  );
}

const isId = (id: unknown): id is number =>
  typeof id === "number" && Number.isSafeInteger(id) && id >= 0;

/** Ids that end an answer, where `ends` are those of the model. */
export function stopIdsOf(
  { ignoresEos, stopTokenIds }: AnswerSettings,
  ends: readonly number[],
): readonly number[] {
  return [...(ignoresEos ? [] : ends), ...stopTokenIds];
}

function readStopIds(fields: Fields): readonly number[] {
  const value = fields.any("stop_token_ids") ?? [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [undefined];
  if (list.length <= MAX_BIASED_IDS && list.every(isId)) return list;
  throw fields.wrong("stop_token_ids", `at most ${MAX_BIASED_IDS} token ids`, value);
}

/** An id beyond the vocabulary is of another model: as in vLLM, it is refused rather than passed over. */
function readBias(fields: Fields, vocabSize: number): ReadonlyMap<number, number> {
  const value = fields.any("logit_bias");
  if (value === undefined) return new Map();
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const entries = Object.entries(value).map(
      ([id, bias]: readonly [string, unknown]) =>
        [
          /^\d{1,9}$/.test(id) ? Number(id) : -1,
          typeof bias === "number" ? bias : Number.NaN,
        ] as const,
    );
    const isValid = entries.every(
      ([id, bias]) => id >= 0 && id < vocabSize && Math.abs(bias) <= MAX_BIAS,
    );
    if (isValid && entries.length <= MAX_BIASED_IDS) return new Map(entries);
  }
  throw fields.wrong(
    "logit_bias",
    `at most ${MAX_BIASED_IDS} token ids from 0 to ${vocabSize - 1}, each with a number from -${MAX_BIAS} to ${MAX_BIAS}`,
    value,
  );
}
