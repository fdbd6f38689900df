import { WbError } from "../../errors/wb-error.ts";
import { completionsOf } from "../completions.ts";
import { itemLine, type Item } from "../item.ts";
import type { Questions } from "../data/questions.ts";
import type { Answered, EvaluateResult } from "../result.ts";
import { resultOf, sumOf } from "../result-of.ts";
import { runAnswers, sandboxFor } from "../sandbox/run-answers.ts";
import { writeLines } from "../write-lines.ts";
import { partsFolder, readParts, type PartFacts, type PartResult } from "./part-file.ts";
import { openPlan, type OpenedPlan, type PartOptions } from "./run-parts.ts";
import { questionsOfPart } from "./slice.ts";

/**
 * Puts the parts of an evaluation together: what the whole run gives, but for seconds and tokens computed, which are those of the
 * parts. It may run again.
 * @throws WbError as `openPlan`; WB3927 for a damaged part, WB3928 where parts are missing, WB3929 for one of another plan or machine.
 */
export async function finishParts(
  path: string,
  planPath: string,
  given: PartOptions,
): Promise<EvaluateResult> {
  const begin = performance.now();
  const opened = await openPlan(path, planPath, given);
  const { asked, options } = opened;
  for (const { task, questions } of asked.questions)
    options.onQuestions?.(task.name, questions.length);
  const parts = await readParts(planPath);
  const facts = factsOf(parts, opened);
  const results = parts.map(({ result }) => result);
  const known = asked.questions.map((questions) => answersOf(questions, results));
  if (facts === undefined || known.some(({ items }, at) => items.length < countOf(opened, at)))
    throw missing(planPath, opened, results, known);
  const sandbox = await sandboxFor(asked.questions, options.execute);
  const answered = await runAnswers(asked.questions, known, sandbox);
  const spent = results.flatMap(({ tasks }) => tasks.map(({ seconds }) => seconds));
  const seconds = (performance.now() - begin) / 1000 + spent.reduce((sum, each) => sum + each, 0);
  const result = resultOf(
    asked.questions,
    answered,
    { model: path, variant: asked.variant, ...facts, seconds },
    facts.notes,
  );
  const { details, completions } = options;
  if (details !== undefined) await writeLines(details, result.items.map(itemLine));
  if (completions !== undefined)
    await writeLines(completions, completionsOf(asked.questions, answered));
  return result;
}

function countOf({ asked }: OpenedPlan, at: number): number {
  return asked.questions[at]?.questions.length ?? 0;
}

/** What all parts were computed with. */
function factsOf(
  parts: Awaited<ReturnType<typeof readParts>>,
  { plan: { planSha256 } }: OpenedPlan,
): PartFacts | undefined {
  const first = parts[0]?.result.facts;
  for (const { path, result } of parts) {
    const refuse = (what: string, expected: string | number, found: string | number): WbError =>
      new WbError("WB3929", `${path}: ${what}: expected ${expected}, found ${found}`, {
        details: { path, what, expected: String(expected), found: String(found) },
      });
    if (result.planSha256 !== planSha256)
      throw refuse("the plan's digest", planSha256, result.planSha256);
    if (first === undefined) continue;
    for (const name of ["device", "backend", "compute", "activations", "maxLength"] as const) {
      const [expected, found] = [first[name], result.facts[name]];
      if (withoutThreads(expected) !== withoutThreads(found)) throw refuse(name, expected, found);
    }
  }
  return first;
}

/** Bits do not depend on the threads that WebAssembly's kernels have : each computes whole elements of its own. */
function withoutThreads(fact: string | number): string | number {
  return typeof fact === "string" ? fact.replace(/ on \d+ threads?$/, "") : fact;
}

/** A task's items of all parts, in the order of rows, each once. */
function answersOf(
  { task: { name }, questions }: Questions,
  results: readonly PartResult[],
): Answered {
  const items = new Map<number, Item>();
  for (const result of results)
    for (const item of result.items) if (item.task === name) items.set(item.index, item);
  const own = results.flatMap(({ tasks }) => tasks.filter((task) => task.name === name));
  return {
    items: questions.flatMap(({ index }) => items.get(index) ?? []),
    tokens: sumOf(own.map(({ tokens }) => tokens)),
    seconds: own.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}

function missing(
  planPath: string,
  { asked }: OpenedPlan,
  results: readonly PartResult[],
  answered: readonly Answered[],
): WbError {
  const total = asked.questions.reduce((sum, { questions }) => sum + questions.length, 0);
  const found = answered.reduce((sum, { items }) => sum + items.length, 0);
  const parts = missingParts(asked.questions, results, answered);
  const again = parts.length === 0 ? "run its parts" : `run --part ${parts.join(", ")}`;
  return new WbError(
    "WB3928",
    `${partsFolder(planPath)}: ${total - found} of ${total} items are not there yet; ${again}`,
    { details: { path: partsFolder(planPath), items: total, missing: total - found, parts } },
  );
}

/** Counted as those that are there; none where none is. */
function missingParts(
  asked: readonly Questions[],
  results: readonly PartResult[],
  answered: readonly Answered[],
): readonly string[] {
  const of = results[0]?.part.of;
  if (of === undefined) return [];
  const known = answered.map(({ items }) => new Set(items.map(({ index }) => index)));
  const all = Array.from({ length: of }, (_unused, at) => at + 1);
  return all
    .filter((index) =>
      questionsOfPart(asked, { index, of }).some(({ questions }, at) =>
        questions.some((question) => known[at]?.has(question.index) !== true),
      ),
    )
    .map((index) => `${index}/${of}`);
}
