import { generateIds } from "../../runtime/generation/generate-ids.ts";
import { KeptTokens } from "../../runtime/generation/kept-tokens.ts";
import { createSampler } from "../../runtime/generation/sampling.ts";
import type { Decoder } from "../../runtime/model/decoder.ts";
import type { Tokenizer } from "../../runtime/tokenizer/tokenizer.ts";
import type { GenerationDefaults } from "../../session/generation-config.ts";
import { samplingOf } from "../../session/generation-sampling.ts";
import { planPrefixes } from "../scores/prefix-plan.ts";

export interface GenerateAnswersOptions {
  readonly maxNewTokens: number;
  /** Ids that end an answer. */
  readonly stopIds: readonly number[];
  /** What generation_config.json says; answers are greedy whatever it says of drawing. */
  readonly defaults: GenerationDefaults;
  /** Texts that end an answer and are not part of it: the mark behind a chat model's turn, those that a task names. */
  readonly stop: readonly string[];
  /** Whether a prompt's beginning may be taken from the prompt before. */
  readonly isShared: boolean;
  /** Told of tokens that have passed. */
  readonly onTokens?: ((tokens: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An answer, and the tokens of its prompt that passed the model. */
export interface GeneratedAnswer {
  readonly prompt: number;
  readonly text: string;
  readonly computed: number;
  readonly newTokens: number;
}

/**
 * Generates one answer for each prompt, greedily, as OpenCompass's GEN inferencer does one after the other; prompts are sorted so
 * that what two have in common at their beginning is computed once.
 */
export async function* generateAnswers(
  decoder: Decoder,
  tokenizer: Tokenizer,
  prompts: readonly (readonly number[])[],
  options: GenerateAnswersOptions,
): AsyncGenerator<GeneratedAnswer> {
  const { maxNewTokens, stopIds, defaults, stop, isShared, signal } = options;
  const sampling = samplingOf({ doSample: false }, defaults);
  const kept = new KeptTokens();
  const textOf = (ids: readonly number[]): string =>
    tokenizer.decode(ids, { skipSpecialTokens: true });
  try {
    for (const prompt of planPrefixes(prompts, isShared).order) {
      const ids = prompts[prompt] ?? [];
      const computed = ids.length - (isShared ? kept.sharedWith(ids) : 0);
      const answer: number[] = [];
      const steps = generateIds(decoder, [ids], {
        maxNewTokens,
        stopIds,
        padId: decoder.config.padTokenId ?? stopIds[0] ?? 0,
        samplerOf: () =>
          createSampler(sampling, defaults.rules, {
            promptTokens: ids.length,
            maxNewTokens,
            endIds: stopIds,
          }),
        ...(isShared ? { kept } : {}),
        signal,
      });
      for await (const { id } of steps) {
        answer.push(id);
        options.onTokens?.(answer.length === 1 ? computed : 1);
        if (stop.length > 0 && cutAt(textOf(answer), stop) !== textOf(answer)) break;
      }
      const text = cutAt(textOf(answer), stop);
      yield { prompt, text, computed, newTokens: answer.length };
    }
  } finally {
    kept.dispose();
  }
}

function cutAt(text: string, stop: readonly string[]): string {
  return stop.reduce((rest, mark) => rest.split(mark)[0] ?? "", text);
}
