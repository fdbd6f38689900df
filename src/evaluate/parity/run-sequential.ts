import { WbError } from "../../errors/wb-error.ts";
import { askAll } from "../ask-all.ts";
import { drawOrder } from "../data/draw.ts";
import type { Question, Questions } from "../data/questions.ts";
import { itemLine, type Item } from "../item.ts";
import { NO_JOURNAL } from "../journal.ts";
import { openEvaluation, type Evaluation } from "../open-evaluation.ts";
import { readAll, type Asked } from "../read-all.ts";
import type { Answered } from "../result.ts";
import { resultOf } from "../result-of.ts";
import { runFacts } from "../run-facts.ts";
import { writeLines } from "../write-lines.ts";
import { readResults } from "./read-results.ts";
import { checkPairs, parityOf, referenceOf } from "./run.ts";
import type { DecidedTask, ParityOptions, ParityResult } from "./run.ts";
import { SequentialTest } from "./sequential.ts";

/** Rows that are asked before the test looks again: enough to share prefixes, few beside what a decision takes. */
const ROWS_A_ROUND = 16;

export interface SequentialOptions extends ParityOptions {
  /** Points that a task may lose. */
  readonly maxLost: number;
  /** How often the test may decide wrongly, each way. */
  readonly errorRate: number;
}

/**
 * Asks both models rows in random order (`seed`, 0 when left out), task by task, until it is decided whether a task loses more than it
 * may over all of its rows. Both are open at once.
 * @throws WbError as `evaluateParity`; WB2924 for a task whose answers would have to be run.
 */
export async function evaluateSequentially(
  path: string,
  options: SequentialOptions,
): Promise<ParityResult> {
  const begin = performance.now();
  const against = referenceOf(options);
  const known = options.golden === undefined ? undefined : await readResults(options.golden);
  const asked = await readAll(options);
  asked.questions.forEach(refuseCode);
  for (const { task, questions } of asked.questions)
    options.onQuestions?.(task.name, questions.length);
  const own = await openEvaluation(path, options);
  let other: Evaluation | undefined;
  try {
    other = known === undefined ? await openEvaluation(against, options) : undefined;
    const asking = { own, other, known, against, asked, options };
    const done: TaskDone[] = [];
    for (const questions of asked.questions) done.push(await decide(asking, questions));
    const facts = runFacts(path, asked.variant, own, begin);
    const result = resultOf(
      done.map(({ questions }) => questions),
      done.map(({ answered }) => answered),
      facts,
      own.notes,
    );
    if (options.details !== undefined)
      await writeLines(options.details, result.items.map(itemLine));
    const reference = done.flatMap(({ reference: items }) => items);
    const decisions = done.map(({ decided }) => decided);
    return parityOf({ result, reference, decisions }, options);
  } finally {
    await own.runtime.close();
    await other?.runtime.close();
  }
}

function refuseCode({ task, way }: Questions): void {
  if (way.kind === "ppl" || way.metric !== "code") return;
  throw new WbError(
    "WB2924",
    `${task.name}: its answers are code that is not run, so that no test can tell what was lost`,
    { details: { variant: "base" } },
  );
}

interface Asking {
  readonly own: Evaluation;
  readonly other: Evaluation | undefined;
  readonly known: readonly Item[] | undefined;
  readonly against: string;
  readonly asked: Asked;
  readonly options: SequentialOptions;
}

interface TaskDone {
  /** Those that were asked. */
  readonly questions: Questions;
  readonly answered: Answered;
  readonly reference: readonly Item[];
  readonly decided: DecidedTask;
}

async function decide(asking: Asking, all: Questions): Promise<TaskDone> {
  const { own, other, known, against, asked, options } = asking;
  const { name } = all.task;
  const rows = all.questions.length;
  const test = new SequentialTest(rows, options.maxLost, options.errorRate);
  const order = drawOrder(all.questions, options.seed ?? 0);
  const [items, reference] = [new Map<number, Item>(), new Map<number, Item>()];
  let [computed, whole, seconds] = [0, 0, 0];
  let decision = test.decision;
  for (let at = 0; decision === "open"; at += ROWS_A_ROUND) {
    const round = order.slice(at, at + ROWS_A_ROUND);
    const answer = async (evaluation: Evaluation): Promise<Answered> => {
      const questions = [{ ...all, questions: inOrder(round) }];
      const [answered] = await askAll(evaluation, { ...asked, questions }, NO_JOURNAL, options);
      return answered ?? { items: [], tokens: { computed: 0, whole: 0 }, seconds: 0 };
    };
    const mine = await answer(own);
    const theirs = other === undefined ? (known ?? []) : (await answer(other)).items;
    for (const item of mine.items) items.set(item.index, item);
    for (const item of theirs) if (item.task === name) reference.set(item.index, item);
    checkPairs(name, mine.items, reference, against);
    computed += mine.tokens.computed;
    whole += mine.tokens.whole;
    seconds += mine.seconds;
    for (const { index } of round)
      decision = test.add(lossOf(items.get(index), reference.get(index)));
  }
  const questions = all.questions.filter(({ index }) => items.has(index));
  return {
    questions: { ...all, questions },
    answered: {
      items: questions.flatMap(({ index }) => items.get(index) ?? []),
      tokens: { computed, whole },
      seconds,
    },
    reference: questions.flatMap(({ index }) => reference.get(index) ?? []),
    decided: { name, decision, items: questions.length, rows },
  };
}

function inOrder(round: readonly Question[]): readonly Question[] {
  return round.toSorted((left, right) => left.index - right.index);
}

/** 1 where it is right in the reference alone, −1 where it is right here alone. */
function lossOf(item: Item | undefined, reference: Item | undefined): -1 | 0 | 1 {
  const [here, there] = [item?.correct === true, reference?.correct === true];
  if (here === there) return 0;
  return there ? 1 : -1;
}
