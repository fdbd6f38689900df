import type { PartOptions } from "../../evaluate/parts/run-parts.ts";
import type { EvaluateResult } from "../../evaluate/result.ts";
import { WbError } from "../../errors/wb-error.ts";
import { flag, optionalString, requiredString, texts } from "../arguments.ts";
import type { Arguments, Command, CommandContext, CommandResult } from "../command.ts";
import { evalOptionsOf, withEvalOptions, withTasks } from "../eval/options.ts";
import { compare } from "../eval/compare.ts";
import { finishStep, partStep, planStep, stepOf } from "../eval/parts.ts";
import { renderEvaluation } from "../eval/render.ts";
import { checkTogether, unusedOptions } from "../eval/together.ts";
import { drawTable, reportPaths, writeScores } from "../eval/table.ts";

export const evaluation: Command = {
  usage: "eval <model> [other..]",
  summary: "ask a model the questions of data sets as OpenCompass does, and score its answers",
  examples: [
    ["$0 eval internlm-7b --data data --tasks mmlu,agieval", "two groups, all rows"],
    ["$0 eval converted original --data data --tasks mmlu", "which answers changed; exit 1 if any"],
    ["$0 eval model_state.pdparams --data data --tasks mmlu/anatomy --limit 20", "some rows"],
    [
      "$0 eval internlm-7b --data data --tasks my-task.json --details items.jsonl",
      "a task of yours",
    ],
    ["$0 eval internlm-7b --data data --tasks mmlu --plan plan.json", "split over machines: plan,"],
    ["$0 eval internlm-7b --data data --plan plan.json --part 2/8", "compute each part somewhere,"],
    ["$0 eval internlm-7b --data data --plan plan.json --finish", "and put them together"],
    [
      "$0 eval table a.json b.json --markdown table.md",
      "results of --json beside the model page's",
    ],
  ],
  options: withEvalOptions,
  run: async (args, context) => {
    const model = requiredString(args, "model");
    if (model === "table") return drawTable(args);
    if (model === "script") return printScript(requiredString(args, "framework"));
    checkTogether(args);
    const step = stepOf(args);
    for (const line of unusedOptions(args)) context.note(line);
    const options = evalOptionsOf(args, context);
    if (step?.kind === "plan") return planStep(model, step, options, context.speech);
    if (step?.kind === "part") return partStep(model, step, options, context.speech);
    const run = async (own: PartOptions): Promise<EvaluateResult> => {
      if (step !== undefined) return finishStep(model, step, own);
      const { evaluate } = await import("../../evaluate/run.ts");
      return evaluate(model, withTasks(own));
    };
    const against = texts(args, "other")[0] ?? optionalString(args, "golden");
    try {
      return await (against === undefined
        ? scores(args, context, () => run(options))
        : compare(args, context, options, run));
    } catch (error) {
      const { writeErrorReports } = await import("../../evaluate/report/error-reports.ts");
      const name = against === undefined ? model : `${model} against ${against}`;
      for (const problem of await writeErrorReports(reportPaths(args), name, error))
        context.note(problem);
      throw error;
    }
  },
};

/** One model's scores. */
async function scores(
  args: Arguments,
  context: CommandContext,
  run: () => Promise<EvaluateResult>,
): Promise<CommandResult> {
  if (flag(args, "stop-when-decided"))
    throw new WbError("WB2925", "--stop-when-decided: expected another model or --golden");
  const result = await run();
  for (const note of result.notes) context.note(note);
  const reports = await writeScores(args, result);
  const { items: _items, ...facts } = result;
  return {
    ok: true,
    json: { ...facts, ...(reports.length === 0 ? {} : { reports }) },
    text: renderEvaluation(result, context.speech),
  };
}

async function printScript(framework: string): Promise<CommandResult> {
  const { exportScript } = await import("../../evaluate/scripts/export-script.ts");
  const text = await exportScript(framework);
  return { ok: true, json: { framework, script: text }, text };
}
