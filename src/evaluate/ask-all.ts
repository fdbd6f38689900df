import { ask, prepare, type Asking, type AskOptions } from "./ask.ts";
import type { Questions } from "./data/questions.ts";
import type { Item } from "./item.ts";
import type { Journal } from "./journal.ts";
import type { Evaluation } from "./open-evaluation.ts";
import type { EvaluateOptions } from "./options.ts";
import type { Asked } from "./read-all.ts";
import type { Answered } from "./result.ts";

/** Asks one task after the other what the journal does not know yet. */
export async function askAll(
  evaluation: Evaluation,
  { questions, marks }: Asked,
  journal: Journal,
  options: EvaluateOptions,
): Promise<readonly Answered[]> {
  const answered: Answered[] = [];
  for (const asked of questions) {
    const done = await askTask(evaluation, asked, journal, {
      marks,
      maxNewTokens: options.maxNewTokens,
      isShared: options.isShared !== false,
      onTokens: (tokens, total) => options.onProgress?.(asked.task.name, tokens, total),
      signal: options.signal,
    });
    answered.push(done);
  }
  return answered;
}

async function askTask(
  evaluation: Evaluation,
  asked: Questions,
  journal: Journal,
  options: AskOptions,
): Promise<Answered> {
  const begin = performance.now();
  const known = journal.known(asked.task.name);
  const whole = prepare(asked, evaluation, options);
  const found = ask(evaluation, openOf(whole, known), options);
  const items: Item[] = [...known.values()];
  let next = await found.next();
  while (next.done !== true) {
    items.push(next.value);
    await journal.add(next.value);
    next = await found.next();
  }
  // What was stopped in its last pass has answered all and is still stopped.
  options.signal?.throwIfAborted();
  items.sort((left, right) => left.index - right.index);
  return {
    items,
    tokens: { computed: next.value, whole: tokensOf(whole) },
    seconds: (performance.now() - begin) / 1000,
  };
}

/** What is not answered yet. */
function openOf(asking: Asking, known: ReadonlyMap<number, Item>): Asking {
  const { asked, encoded } = asking;
  const open = asked.questions.map(({ index }) => known.get(index) === undefined);
  return {
    ...asking,
    asked: { ...asked, questions: asked.questions.filter((_question, at) => open[at] === true) },
    encoded: encoded.filter((_question, at) => open[at] === true),
  };
}

function tokensOf({ encoded }: Asking): number {
  return encoded.flatMap(({ texts }) => texts).reduce((sum, { ids }) => sum + ids.length, 0);
}
