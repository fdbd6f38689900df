import { WbError } from "../errors/wb-error.ts";
import { askAll } from "./ask-all.ts";
import { completionsOf } from "./completions.ts";
import { itemLine } from "./item.ts";
import { openJournal, runDigest, NO_JOURNAL, type Journal } from "./journal.ts";
import { openEvaluation, type Evaluation } from "./open-evaluation.ts";
import type { EvaluateOptions } from "./options.ts";
import { readAll } from "./read-all.ts";
import type { EvaluateResult } from "./result.ts";
import { resultOf } from "./result-of.ts";
import { runFacts } from "./run-facts.ts";
import { runAnswers, sandboxFor } from "./sandbox/run-answers.ts";
import { writeLines } from "./write-lines.ts";

/**
 * Asks a model the questions of tasks as OpenCompass does, and scores its answers.
 * @param path A file of weights, an index, or a model folder, in any format.
 * @throws WbError WB2921 to WB2924, WB3921 to WB3924, and those of the readers and the runtime.
 */
export async function evaluate(path: string, options: EvaluateOptions): Promise<EvaluateResult> {
  const begin = performance.now();
  const asked = await readAll(options);
  for (const { task, questions } of asked.questions)
    options.onQuestions?.(task.name, questions.length);
  // Tried before anything is computed.
  const sandbox = await sandboxFor(asked.questions, options.execute);
  const evaluation = await openEvaluation(path, options);
  try {
    const journal = await journalOf(evaluation, options);
    const given = await askAll(evaluation, asked, journal, options);
    const answered = await runAnswers(asked.questions, given, sandbox);
    const facts = runFacts(path, asked.variant, evaluation, begin);
    const result = resultOf(asked.questions, answered, facts, evaluation.notes);
    await journal.finish(result.items.map((item) => `${itemLine(item)}\n`).join(""));
    if (options.completions !== undefined)
      await writeLines(options.completions, completionsOf(asked.questions, answered));
    return result;
  } finally {
    await evaluation.runtime.close();
  }
}

/** @throws WbError WB2001 where there is nothing to go on from. */
async function journalOf({ runtime }: Evaluation, options: EvaluateOptions): Promise<Journal> {
  const { details, resume = false, data, tasks, variant, turns, limit, seed } = options;
  if (resume && details === undefined)
    throw new WbError("WB2001", "--resume: expected --details, beside which the items are", {
      details: { option: "--resume", found: "nothing" },
    });
  if (details === undefined) return NO_JOURNAL;
  const { maxNewTokens, maxLength, skipBad, tokenizer } = options;
  const limits = { limit, seed, maxNewTokens, maxLength, skipBad };
  const asked = { data, tasks, variant, turns, ...limits, tokenizer };
  return openJournal(details, await runDigest(runtime, asked), resume ? "resume" : "begin");
}
