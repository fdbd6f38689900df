import { join } from "node:path";
import { WbError } from "../../errors/wb-error.ts";
import { fill } from "../prompts/fill.ts";
import { namesIn } from "../prompts/names-in.ts";
import type { Examples, Task, Way } from "../tasks/task.ts";
import { columnsOf, needColumns, RowProblem, type Columns } from "./columns.ts";
import { drawn } from "./draw.ts";
import { spellingOf } from "./json-values.ts";
import { findRows, readRows, type ReadRow } from "./read-rows.ts";

/** One row as the model will be asked it. */
export interface Question {
  /** Of the row in its file, from 0. */
  readonly index: number;
  readonly columns: Columns;
  readonly answer: string;
  /** The row's own name; its task and index where the task gives none. */
  readonly id: string;
}

/** What one task asks. */
export interface Questions {
  readonly task: Task;
  readonly way: Way;
  readonly questions: readonly Question[];
  /** Columns of the worked examples. */
  readonly examples: readonly Columns[];
  /** Rows that were left out, each with its place and what is wrong; none unless they may be skipped. */
  readonly skipped: readonly string[];
  readonly notes: readonly string[];
}

export interface QuestionOptions {
  /** The folder with OpenCompass's layout. */
  readonly data: string;
  /** Rows at most; all when left out. */
  readonly limit?: number | undefined;
  /** Draws `limit` rows by this number; the first when left out. */
  readonly seed?: number | undefined;
  /** Whether rows that cannot be asked are left out. */
  readonly skipBad: boolean;
}

/** Rows named in the note of those that are repeated. */
const SHOWN_REPEATS = 3;

/** Rows named in the message of WB3923. */
const SHOWN_ROWS = 5;

/** Where --skip-bad, which the usual hint names, is given already, or does not help. */
const NONE_LEFT = "Mend the rows that the message names: no other is left to ask.";
const NOT_LEFT_OUT = "Mend the rows that the message names: worked examples cannot be left out.";

/**
 * Reads what one task asks.
 * @throws WbError WB3921 for a missing file, WB3922 for one of another form, WB3923 for rows that cannot be asked.
 */
export async function readQuestions(
  task: Task,
  way: Way,
  options: QuestionOptions,
): Promise<Questions> {
  const rows = await readRows(options.data, task.rows);
  const chosen = drawn(rows, options.limit, options.seed);
  const { examples, notes } = await readExamples(task, way.examples, options.data);
  const questions: Question[] = [];
  const problems: string[] = [];
  for (const row of chosen) {
    try {
      questions.push(questionOf(task, way, row));
    } catch (error) {
      if (!(error instanceof RowProblem)) throw error;
      problems.push(`${row.place}: ${error.message}`);
    }
  }
  if (problems.length > 0 && (!options.skipBad || questions.length === 0))
    throw badRows(
      task,
      problems,
      chosen.length,
      join(options.data, task.rows.file),
      options.skipBad ? NONE_LEFT : undefined,
    );
  return {
    task,
    way,
    questions,
    examples,
    skipped: problems,
    notes: [...notes, ...repeatedRows(task, chosen)],
  };
}

/** What is said of rows that stand in the file more than once: each counts, and so weighs more than the others. */
function repeatedRows(task: Task, rows: readonly ReadRow[]): readonly string[] {
  const first = new Map<string, string>();
  const repeated: string[] = [];
  for (const read of rows) {
    if ("problem" in read) continue;
    const key = [...read.row].map(([name, value]) => `${name}: ${spellingOf(value)}`).join("\n");
    const before = first.get(key);
    if (before === undefined) first.set(key, read.place);
    else repeated.push(`${read.place} repeats ${before}`);
  }
  if (repeated.length === 0) return [];
  return [
    `${task.name}: ${repeated.length} rows repeat others, and each is asked and counted: ${repeated.slice(0, SHOWN_REPEATS).join("; ")}`,
  ];
}

function badRows(
  task: Task,
  problems: readonly string[],
  rows: number,
  path: string,
  hint: string | undefined,
): WbError {
  const shown = problems.slice(0, SHOWN_ROWS).join("; ");
  const more = problems.length > SHOWN_ROWS ? `; and ${problems.length - SHOWN_ROWS} more` : "";
  return new WbError(
    "WB3923",
    `${task.name}: ${problems.length} of ${rows} rows cannot be asked: ${shown}${more}`,
    {
      details: { task: task.name, path, rows, bad: problems.length },
      ...(hint === undefined ? {} : { hint }),
    },
  );
}

function questionOf(task: Task, way: Way, read: ReadRow): Question {
  if ("problem" in read) throw new RowProblem(read.problem);
  const columns = columnsOf(read.row, task.fields);
  const template = way.answer ?? task.answer;
  needColumns(columns, namesIn([template, ...promptTexts(way)]), read.row, task.fields);
  const answer = fill(template, columns);
  if (answer === "") throw new RowProblem(`expected a right answer in ${template}, found none`);
  if (way.kind === "ppl" && !way.choices.has(answer))
    throw new RowProblem(
      `expected a right answer among the labels ${[...way.choices.keys()].join(", ")}, found ${answer}`,
    );
  const id = task.id === undefined ? `${task.name}/${read.index}` : fill(task.id, columns);
  return { index: read.index, columns, answer, id };
}

/** The texts that a row must fill; not those of the examples, which are filled with their own rows. */
function promptTexts(way: Way): readonly string[] {
  const texts =
    typeof way.prompt === "string"
      ? [way.prompt]
      : way.prompt.flatMap((part) =>
          part === "{examples}" ? [] : ["human" in part ? part.human : part.bot],
        );
  if (way.kind === "gen") return texts;
  const context = way.continuation === undefined ? [] : [way.continuation.context];
  return [...texts, ...way.choices.values(), ...context];
}

async function readExamples(
  task: Task,
  settings: Examples | undefined,
  data: string,
): Promise<{ readonly examples: readonly Columns[]; readonly notes: readonly string[] }> {
  if (settings === undefined) return { examples: [], notes: [] };
  const rows = settings.optional
    ? await findRows(data, settings.rows)
    : await readRows(data, settings.rows);
  const path = join(data, settings.rows.file);
  if (rows === undefined)
    return {
      examples: [],
      notes: [
        `${task.name}: asked without worked examples, since there is no ${path} to take ${settings.first} from; its score is not that of the model page`,
      ],
    };
  const texts =
    typeof settings.template === "string"
      ? [settings.template]
      : settings.template.map((turn) => ("human" in turn ? turn.human : turn.bot));
  const examples = rows.slice(0, settings.first).map((row) => {
    try {
      if ("problem" in row) throw new RowProblem(row.problem);
      const columns = columnsOf(row.row, task.fields);
      needColumns(columns, namesIn(texts), row.row, task.fields);
      return columns;
    } catch (error) {
      if (!(error instanceof RowProblem)) throw error;
      // An example that is left out would change every prompt.
      throw badRows(task, [`${row.place}: ${error.message}`], rows.length, path, NOT_LEFT_OUT);
    }
  });
  if (examples.length === settings.first) return { examples, notes: [] };
  throw new WbError(
    "WB3922",
    `${path}: expected at least ${settings.first} rows for worked examples, found ${examples.length}`,
    { details: { path } },
  );
}
