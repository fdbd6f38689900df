import type { Tokenizer } from "../runtime/tokenizer/tokenizer.ts";
import type { CompletionRequest } from "./completion-request.ts";
import type { ScoredToken } from "./choices.ts";
import { replyHead, seedOf, type ReplyPlan, type ReplyShape } from "./reply.ts";
import type { ServedModel } from "./served-model.ts";
import { tokenText } from "./token-logprobs.ts";

/** Plans the answer to POST /v1/completions: the choices of the first prompt, then those of the second, … */
export function completionPlan(request: CompletionRequest, model: ServedModel): ReplyPlan {
  const choices = request.prompts.flatMap((prompt) =>
    Array.from({ length: request.choices }, (_, choice) => ({
      prompt,
      continuesPrompt: true,
      echo: request.echo,
      maxNewTokens: request.maxNewTokens,
      stopIds: request.stopIds,
      stop: request.stop,
      sampling: { ...request.sampling, seed: seedOf(request.sampling.seed, choice) },
      adjustments: request.adjustments,
      rules: request.rules,
      topLogprobs: request.topLogprobs,
    })),
  );
  const { prompts, stream, streamsUsage } = request;
  return { choices, prompts, stream, streamsUsage, shape: shapeOf(request, model) };
}

function shapeOf(request: CompletionRequest, { id, tokenizer }: ServedModel): ReplyShape {
  const head = { ...replyHead("cmpl", id), object: "text_completion" };
  const top = request.topLogprobs;
  const writers = new Map<number, LogprobWriter>();
  const logprobs = (index: number, tokens: readonly ScoredToken[]): unknown => {
    if (top === undefined || tokenizer === undefined) return null;
    const writer = writers.get(index) ?? new LogprobWriter(tokenizer, top, request.tokensAsIds);
    writers.set(index, writer);
    return writer.write(tokens);
  };
  const nothingYet = request.streamsUsage ? { usage: null } : {};
  return {
    whole: (choices, usage) => ({
      ...head,
      choices: choices.map(({ text, tokens, ids, finish }, index) => ({
        index,
        text,
        logprobs: logprobs(index, tokens),
        finish_reason: finish,
        ...(request.tellsIds ? { token_ids: ids, prompt_token_ids: promptOf(request, index) } : {}),
      })),
      usage,
    }),
    chunks: ({ index, text, tokens, ids, finish }) =>
      text === "" && tokens.length === 0 && finish === undefined && !request.tellsIds
        ? []
        : [
            {
              ...head,
              choices: [
                {
                  index,
                  text,
                  logprobs: logprobs(index, tokens),
                  finish_reason: finish ?? null,
                  ...(request.tellsIds ? { token_ids: ids } : {}),
                },
              ],
              ...nothingYet,
            },
          ],
    usageChunk: (usage) => ({ ...head, choices: [], usage }),
  };
}

/** The prompt of a choice: each has as many as were asked for. */
function promptOf({ prompts, choices }: CompletionRequest, index: number): readonly number[] {
  return prompts[Math.floor(index / choices)] ?? [];
}

/** Logprobs in the style of completions: four lists side by side. */
class LogprobWriter {
  readonly #tokenizer: Tokenizer;
  readonly #top: number;
  readonly #asIds: boolean;

  constructor(tokenizer: Tokenizer, top: number, asIds: boolean) {
    this.#tokenizer = tokenizer;
    this.#top = top;
    this.#asIds = asIds;
  }

  #shown(id: number): string {
    return this.#asIds ? `token_id:${id}` : tokenText(this.#tokenizer, id).token;
  }

  write(tokens: readonly ScoredToken[]): unknown {
    const texts = tokens.map(({ id }) => this.#shown(id));
    return {
      tokens: texts,
      token_logprobs: tokens.map(({ logprob }) => logprob),
      top_logprobs: this.#top === 0 ? null : tokens.map((token) => this.#topOf(token)),
      text_offset: tokens.map(({ offset }) => offset),
    };
  }

  /** The likeliest tokens, and the chosen one where it is none of them; the likelier of two that read the same. */
  #topOf({ id, logprob, top }: ScoredToken): Readonly<Record<string, number>> | null {
    if (top === null || logprob === null) return null;
    const byText = new Map<string, number>();
    for (const token of [...top, { id, logprob }]) {
      const text = this.#shown(token.id);
      if (!byText.has(text)) byText.set(text, token.logprob);
    }
    return Object.fromEntries(byText);
  }
}
