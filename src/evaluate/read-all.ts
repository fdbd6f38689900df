import { WbError } from "../errors/wb-error.ts";
import type { AskOptions } from "./ask.ts";
import { readQuestions, type Questions } from "./data/questions.ts";
import type { EvaluateOptions } from "./options.ts";
import { turnMarks } from "./prompts/turn-marks.ts";
import { findTasks } from "./tasks/find-tasks.ts";
import type { Task, Variant, Way } from "./tasks/task.ts";

/** What will be asked, before any model is opened. */
export interface Asked {
  readonly variant: Variant;
  readonly marks: AskOptions["marks"];
  /** In the order of tasks. */
  readonly questions: readonly Questions[];
}

/** Reads tasks and rows. @throws WbError WB2921, WB2922, WB2924, WB3921 to WB3923. */
export async function readAll(options: EvaluateOptions): Promise<Asked> {
  const variant = options.variant ?? "base";
  const marks = await marksOf(variant, options.turns);
  const questions: Questions[] = [];
  for (const task of await findTasks(options.tasks)) {
    const way = wayOf(task, variant);
    const settings = { ...options, skipBad: options.skipBad === true };
    questions.push(await readQuestions(task, way, settings));
  }
  return { variant, marks, questions };
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

function wayOf(task: Task, variant: Variant): Way {
  const way = task[variant];
  if (way !== undefined) return way;
  throw new WbError("WB2924", `${task.name}: its task file has no ${variant} variant`, {
    details: { variant },
  });
}
