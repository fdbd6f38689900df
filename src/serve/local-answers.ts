import { setImmediate as nextTurn } from "node:timers/promises";
import { WbError } from "../errors/wb-error.ts";
import { openGenerator } from "../session/generator.ts";
import { answer } from "./answer.ts";
import type { Answers, AnswersOptions } from "./answers.ts";
import { logprobsOf, type TokenChoice } from "./token-logprobs.ts";

/** Opens a model that computes in this thread. @throws WbError as `openAnswers`. */
export async function openLocalAnswers(path: string, options: AnswersOptions): Promise<Answers> {
  let context = 0;
  const generator = await openGenerator(path, {
    ...options,
    needsTokenizer: true,
    capacity: ({ config }) => {
      context = contextOf(config.maxPositions, options.context);
      return { batch: 1, promptTokens: context - 1, newTokens: 1, texts: options.batch };
    },
  });
  const { atOnce, stopIds, defaults, notes } = generator;
  return {
    facts: { vocabSize: generator.config.vocabSize, context, atOnce, stopIds, defaults, notes },
    answer: (request) => answer(generator, request),
    score: async (prompt, top, signal) => {
      const choices: (TokenChoice | undefined)[] = prompt.map(() => undefined);
      await generator.score(
        prompt,
        (position, logits) => {
          const next = prompt[position + 1];
          if (next === undefined) return;
          const known = logprobsOf(logits, top);
          choices[position + 1] = { id: next, logprob: known.of(next), top: known.top };
        },
        signal,
      );
      await nextTurn();
      return choices;
    },
    close: () => generator.close(),
  };
}

function contextOf(own: number, wanted: number | undefined): number {
  if (wanted === undefined) return own;
  if (Number.isSafeInteger(wanted) && wanted >= 2 && wanted <= own) return wanted;
  throw new WbError(
    "WB2951",
    `context: expected a whole number from 2 to the model's ${own} tokens, found ${wanted}`,
    { details: { setting: "context", found: wanted } },
  );
}
