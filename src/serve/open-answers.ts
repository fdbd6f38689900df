import { openThreadAnswers } from "./answer-thread.ts";
import type { Answers, AnswersOptions } from "./answers.ts";
import { openLocalAnswers } from "./local-answers.ts";

/** This module's own name says whether it was compiled; a worker cannot be started from the sources. */
const COMPILED = import.meta.url.endsWith(".js");

/**
 * Opens a model in a thread of its own, so that the server answers others while it computes.
 * @throws WbError of the readers and the runtime; WB2951 for a context that is longer than the model's.
 */
export function openAnswers(
  path: string,
  options: AnswersOptions,
  ownThread = COMPILED,
): Promise<Answers> {
  return ownThread ? openThreadAnswers(path, options) : openLocalAnswers(path, options);
}
