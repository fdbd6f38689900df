import type { ChoiceRules } from "../runtime/generation/choice-rules.ts";
import type { SamplingSettings } from "../runtime/generation/sampling-settings.ts";
import type { Generator } from "../session/generator.ts";
import type { Adjustments } from "./answer-settings.ts";
import { logprobsOf, type TokenChoice } from "./token-logprobs.ts";

/** One answer that is wanted. */
export interface AnswerRequest {
  readonly prompt: readonly number[];
  /** Whether the answer's text goes on behind the prompt's, or stands alone. */
  readonly continuesPrompt: boolean;
  readonly maxNewTokens: number;
  readonly stopIds: readonly number[];
  readonly stop: readonly string[];
  readonly sampling: SamplingSettings;
  readonly adjustments: Adjustments;
  readonly rules: ChoiceRules;
  /** Likeliest tokens to tell of each token; undefined for no logprobs at all. */
  readonly topLogprobs: number | undefined;
  readonly signal: AbortSignal;
}

/** What came with one new token. */
export interface AnswerStep {
  /** What of the answer became certain. */
  readonly text: string;
  readonly id: number;
  /** Absent for an id that ends the answer, and unless asked for. */
  readonly choice?: TokenChoice;
  readonly finish?: "stop" | "length";
}

/**
 * Generates one answer. Sockets, timers and signals have their turn before each step of the generation, once a token.
 * @throws WbError of the runtime; the signal's reason.
 */
export async function* answer(
  generator: Generator,
  request: AnswerRequest,
): AsyncGenerator<AnswerStep, void, undefined> {
  const { prompt, stopIds, signal } = request;
  const counts = new Map<number, number>();
  let logprobs: ReturnType<typeof logprobsOf> | undefined;
  const generation = generator.generate({
    ...request.sampling,
    prompts: [prompt],
    maxNewTokens: request.maxNewTokens,
    stopIds,
    stop: request.stop,
    rules: request.rules,
    decodesAlone: !request.continuesPrompt,
    signal,
    onLogits: (_prompt, logits) => {
      if (request.topLogprobs !== undefined)
        logprobs = logprobsOf(logits.slice(), request.topLogprobs);
      adjust(logits, counts, request.adjustments);
    },
  });
  for await (const { id, text, finish } of generation) {
    counts.set(id, (counts.get(id) ?? 0) + 1);
    yield {
      text,
      id,
      ...(logprobs === undefined || stopIds.includes(id)
        ? {}
        : { choice: { id, logprob: logprobs.of(id), top: logprobs.top } }),
      ...(finish === undefined ? {} : { finish }),
    };
  }
}

/** OpenAI's API reference, "frequency and presence penalties": logit −= count·frequency + (count > 0)·presence. */
function adjust(
  logits: Float32Array,
  counts: ReadonlyMap<number, number>,
  { frequencyPenalty, presencePenalty, bias }: Adjustments,
): void {
  if (frequencyPenalty !== 0 || presencePenalty !== 0) {
    for (const [id, count] of counts)
      logits[id] = (logits[id] ?? 0) - count * frequencyPenalty - presencePenalty;
  }
  for (const [id, added] of bias) {
    const logit = logits[id];
    if (logit !== undefined) logits[id] = logit + added;
  }
}
