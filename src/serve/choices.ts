import { setImmediate as nextTurn } from "node:timers/promises";
import { answer, type AnswerRequest } from "./answer.ts";
import type { ServedModel } from "./served-model.ts";
import { logprobsOf, type TokenLogprob } from "./token-logprobs.ts";

/** A token of a prompt or an answer; nothing comes before a prompt's first, so that it has no probability. */
export interface ScoredToken {
  readonly id: number;
  readonly logprob: number | null;
  readonly top: readonly TokenLogprob[] | null;
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

/** Answers one choice after the other, each in a turn of the model's. @throws WbError of the runtime; the signal's reason. */
export async function* answerChoices(
  model: ServedModel,
  plans: readonly ChoicePlan[],
  usage: UsageCount,
  signal: AbortSignal,
): AsyncGenerator<ChoiceEvent, void, undefined> {
  for (const [index, plan] of plans.entries()) {
    const endTurn = await model.turns.turn(signal);
    try {
      if (plan.echo) yield { index, ...(await echoed(model, plan, signal)) };
      if (plan.maxNewTokens === 0) {
        yield { index, text: "", tokens: [], finish: "length" };
        continue;
      }
      for await (const { text, choice, finish } of answer(model.generator, { ...plan, signal })) {
        usage.addToken();
        const tokens = choice === undefined ? [] : [choice];
        yield finish === undefined ? { index, text, tokens } : { index, text, tokens, finish };
      }
    } finally {
      endTurn();
    }
  }
}

async function echoed(
  { generator }: ServedModel,
  { prompt, topLogprobs }: ChoicePlan,
  signal: AbortSignal,
): Promise<{ readonly text: string; readonly tokens: readonly ScoredToken[] }> {
  const text = generator.tokenizer?.decode(prompt, { skipSpecialTokens: true }) ?? "";
  if (topLogprobs === undefined) return { text, tokens: [] };
  const tokens: ScoredToken[] = prompt.map((id) => ({ id, logprob: null, top: null }));
  await generator.score(
    prompt,
    (position, logits) => {
      const next = prompt[position + 1];
      if (next === undefined) return;
      const { of, top } = logprobsOf(logits, topLogprobs);
      tokens[position + 1] = { id: next, logprob: of(next), top };
    },
    signal,
  );
  await nextTurn();
  return { text, tokens };
}
