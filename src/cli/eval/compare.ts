import type { EvaluateResult } from "../../evaluate/result.ts";
import type { PartOptions } from "../../evaluate/parts/run-parts.ts";
import { optionalCount, optionalNumber, optionalString, requiredString } from "../arguments.ts";
import type { Arguments, CommandContext, CommandResult } from "../command.ts";
import { renderEvaluation, renderParity } from "./render.ts";

/** Of McNemar's test, for the loss that is named beforehand. */
const LEVEL = 0.05;

/** With another model's answers, or those of an earlier run. */
export async function compare(
  args: Arguments,
  context: CommandContext,
  options: PartOptions,
  run: (options: PartOptions) => Promise<EvaluateResult>,
): Promise<CommandResult> {
  const { evaluateParity } = await import("../../evaluate/parity/run.ts");
  const { writeParityReports } = await import("../../evaluate/parity/reports.ts");
  const { fewestTold } = await import("../../evaluate/parity/mcnemar.ts");
  const least = fewestTold(LEVEL);
  const onQuestions = (task: string, items: number): void => {
    const points = items < least ? "none at all" : `${((100 * least) / items).toFixed(2)} points`;
    context.note(
      `${task}: ${items} items; the smallest loss that they can tell from chance (p < ${LEVEL}) is ${points}`,
    );
  };
  const result = await evaluateParity(
    requiredString(args, "model"),
    {
      ...options,
      tasks: options.tasks ?? [],
      other: optionalString(args, "other"),
      golden: optionalString(args, "golden"),
      maxChanged: optionalCount(args, "max-changed", 0),
      maxLost: optionalNumber(args, "max-lost"),
    },
    () => run({ ...options, onQuestions }),
  );
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
