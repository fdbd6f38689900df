import { isPlainText } from "./chat-request.ts";
import {
  readSettings,
  MAX_TOP_LOGPROBS,
  stopIdsOf,
  type AnswerSettings,
} from "./answer-settings.ts";
import { shownJson, type Fields } from "./fields.ts";
import { Problem } from "./problem.ts";
import { solidUnits } from "./prompt-length.ts";
import { roomFor, type ServedModel } from "./served-model.ts";

/** New tokens where a request does not say: OpenAI's API reference, `max_tokens` of completions. */
const DEFAULT_NEW_TOKENS = 16;

/** Prompts of one request at most. */
const MAX_PROMPTS = 128;

export interface CompletionRequest extends AnswerSettings {
  /** Token ids of each prompt. */
  readonly prompts: readonly (readonly number[])[];
  /** 0 only to score the prompt. */
  readonly maxNewTokens: number;
  /** Begin each answer's text with the prompt. */
  readonly echo: boolean;
  /** Likeliest tokens to tell of each; undefined for no logprobs. */
  readonly topLogprobs: number | undefined;
  readonly stopIds: readonly number[];
  /** Writes tokens as "token_id:N", as vLLM's `return_tokens_as_token_ids`: two tokens may read the same. */
  readonly tokensAsIds: boolean;
}

/** Reads the body of POST /v1/completions, but for `model`. @throws Problem 400. */
export async function readCompletionRequest(
  fields: Fields,
  model: ServedModel,
  limit: number,
): Promise<CompletionRequest> {
  const settings = readSettings(fields, model.facts);
  const echo = fields.flag("echo");
  const topLogprobs = fields.whole("logprobs", 0, MAX_TOP_LOGPROBS);
  const asked =
    fields.whole("max_tokens", echo ? 0 : 1, limit) ?? Math.min(DEFAULT_NEW_TOKENS, limit);
  const tokensAsIds = fields.flag("return_tokens_as_token_ids");
  const given = readPrompts(fields, model);
  fields.refuse("suffix", (value) => value === "", "text is only continued, never filled in");
  fields.refuse(
    "best_of",
    (value) => value === settings.choices,
    "answers are not ranked; leave it out or set it to n",
  );
  fields.refuse("add_special_tokens", (value) => value === true, "send token ids instead");
  fields.refuse("response_format", isPlainText, "only answers of plain text are supported");
  fields.refuseOthers();
  const prompts: (readonly number[])[] = [];
  for (const prompt of given)
    prompts.push(typeof prompt === "string" ? await encode(prompt, model) : prompt);
  for (const prompt of prompts) roomFor(model, prompt.length, asked, limit);
  const stopIds = stopIdsOf(settings, model.facts.stopIds);
  return { ...settings, prompts, maxNewTokens: asked, echo, topLogprobs, stopIds, tokensAsIds };
}

/** A text, texts, token ids, or lists of token ids. */
function readPrompts(fields: Fields, model: ServedModel): readonly (string | readonly number[])[] {
  const value = fields.any("prompt");
  const wrong = (): Problem =>
    fields.wrong("prompt", `a text, token ids, or up to ${MAX_PROMPTS} of either`, value);
  const checkedText = (text: string): string => {
    model.checkLength(solidUnits(text), "prompt");
    return text;
  };
  if (typeof value === "string") return [checkedText(value)];
  if (isIds(value)) return [checked(value, model)];
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_PROMPTS) throw wrong();
  return value.map((entry: unknown) => {
    if (typeof entry === "string") return checkedText(entry);
    if (isIds(entry)) return checked(entry, model);
    throw wrong();
  });
}

function isIds(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length > 0 && value.every((id) => typeof id === "number");
}

async function encode(text: string, { encoder }: ServedModel): Promise<readonly number[]> {
  const ids = await encoder.text(text);
  if (ids.length > 0) return ids;
  throw new Problem(400, "prompt: has no tokens", { param: "prompt", code: "invalid_value" });
}

function checked(ids: readonly number[], { facts }: ServedModel): readonly number[] {
  const { vocabSize } = facts;
  const wrong = ids.find((id) => !Number.isSafeInteger(id) || id < 0 || id >= vocabSize);
  if (wrong === undefined) return ids;
  throw new Problem(
    400,
    `prompt: expected token ids from 0 to ${vocabSize - 1}, found ${shownJson(wrong)}`,
    {
      param: "prompt",
      code: "invalid_value",
    },
  );
}
