import { streamDecoder } from "../runtime/tokenizer/stream-decoder.ts";
import type { Tokenizer } from "../runtime/tokenizer/tokenizer.ts";
import type { AnswerRequest } from "./answer.ts";
import type { ServedModel } from "./served-model.ts";
import { together } from "./together.ts";
import type { TokenLogprob } from "./token-logprobs.ts";

/** A token of a prompt or an answer; nothing comes before a prompt's first, so that it has no probability. */
export interface ScoredToken {
  readonly id: number;
  readonly logprob: number | null;
  readonly top: readonly TokenLogprob[] | null;
  /** Characters (code points) of the choice's text that are sent before this token adds to it. */
  readonly offset: number;
}

/** What is wanted of one choice. */
export interface ChoicePlan extends Omit<AnswerRequest, "signal"> {
  /** Begins with the prompt's text, and its logprobs where they are wanted. */
  readonly echo: boolean;
}

/** News of one choice. */
export interface ChoiceEvent {
  readonly index: number;
  readonly text: string;
  /** Empty where no logprobs are wanted. */
  readonly tokens: readonly ScoredToken[];
  /** New ids of the answer. */
  readonly ids: readonly number[];
  readonly finish?: "stop" | "length";
}

/** OpenAI's count: a prompt counts once however many answers it has. */
export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

export class UsageCount {
  readonly #prompt: number;
  #completion = 0;

  constructor(prompts: readonly (readonly number[])[]) {
    this.#prompt = prompts.reduce((sum, ids) => sum + ids.length, 0);
  }

  addToken(): void {
    this.#completion++;
  }

  get value(): Usage {
    return {
      prompt_tokens: this.#prompt,
      completion_tokens: this.#completion,
      total_tokens: this.#prompt + this.#completion,
    };
  }
}

/**
 * Answers the choices, each in a turn of the model's, as many at a time as the model generates texts.
 * @throws WbError of the runtime; the signal's reason.
 */
export async function* answerChoices(
  model: ServedModel,
  plans: readonly ChoicePlan[],
  usage: UsageCount,
  signal: AbortSignal,
): AsyncGenerator<ChoiceEvent, void, undefined> {
  const ended = new AbortController();
  // When one choice fails or nobody listens any more, those that wait for a turn need not begin.
  const either = AbortSignal.any([signal, ended.signal]);
  try {
    yield* together(
      plans.map((plan, index) => () => answerChoice(model, plan, index, usage, either)),
      model.turns.places.texts,
    );
  } finally {
    ended.abort();
  }
}

async function* answerChoice(
  model: ServedModel,
  plan: ChoicePlan,
  index: number,
  usage: UsageCount,
  signal: AbortSignal,
): AsyncGenerator<ChoiceEvent, void, undefined> {
  const endTurn = await model.turns.turn(signal, plan.prompt.length + plan.maxNewTokens);
  try {
    let sent = 0;
    if (plan.echo) {
      const echo = await echoed(model, plan, signal);
      sent = characterCount(echo.text);
      yield { index, ...echo, ids: [] };
    }
    if (plan.maxNewTokens === 0) {
      yield { index, text: "", tokens: [], ids: [], finish: "length" };
      return;
    }
    for await (const step of model.answers.answer({ ...plan, signal })) {
      usage.addToken();
      const { id, text, choice, finish } = step;
      const tokens = choice === undefined ? [] : [{ ...choice, offset: sent }];
      sent += characterCount(text);
      const event = { index, text, tokens, ids: [id] };
      yield finish === undefined ? event : { ...event, finish };
    }
  } finally {
    endTurn();
  }
}

function characterCount(text: string): number {
  let count = 0;
  for (const _character of text) count++;
  return count;
}

/** Where each token of an echoed prompt begins in its text: behind what the tokens before it made certain. */
function offsetsOf(
  tokenizer: Tokenizer,
  prompt: readonly number[],
  text: string,
): readonly number[] {
  const decoder = streamDecoder(tokenizer);
  const whole = characterCount(text);
  let certain = 0;
  return prompt.map((id) => {
    const offset = Math.min(certain, whole);
    certain += characterCount(decoder.push([id]));
    return offset;
  });
}

async function echoed(
  { answers, tokenizer }: ServedModel,
  { prompt, topLogprobs }: ChoicePlan,
  signal: AbortSignal,
): Promise<{ readonly text: string; readonly tokens: readonly ScoredToken[] }> {
  const text = tokenizer.decode(prompt, { skipSpecialTokens: true });
  if (topLogprobs === undefined) return { text, tokens: [] };
  const offsets = offsetsOf(tokenizer, prompt, text);
  const choices = await answers.score(prompt, topLogprobs, signal);
  const tokens = prompt.map((id, index): ScoredToken => {
    const { logprob = null, top = null } = choices[index] ?? {};
    return { id, logprob, top, offset: offsets[index] ?? 0 };
  });
  return { text, tokens };
}
