import { WbError } from "../../errors/wb-error.ts";
import type { PartOptions } from "../../evaluate/parts/run-parts.ts";
import type { ParityResult } from "../../evaluate/parity/run.ts";
import type { EvaluateResult } from "../../evaluate/result.ts";
import {
  flag,
  optionalCount,
  optionalNumber,
  optionalString,
  requiredString,
  texts,
} from "../arguments.ts";
import type { Arguments, CommandContext, CommandResult } from "../command.ts";
import { withTasks } from "./options.ts";
import { reportPaths } from "./table.ts";
import { weakenedLines } from "./together.ts";
import { renderEvaluation, renderParity } from "./render.ts";

/** Of McNemar's test, for the loss that is named beforehand. */
const LEVEL = 0.05;

/** Of the sequential test, where none is given. */
const ERROR_RATE = 0.05;

/** With another model's answers, or those of an earlier run. */
export async function compare(
  args: Arguments,
  context: CommandContext,
  options: PartOptions,
  run: (options: PartOptions) => Promise<EvaluateResult>,
): Promise<CommandResult> {
  const { writeReports } = await import("../../evaluate/report/write-reports.ts");
  const { parityDocument, paritySuite } = await import("../../evaluate/parity/reports.ts");
  const result = flag(args, "stop-when-decided")
    ? await sequential(args, context, options)
    : await whole(args, context, options, run);
  for (const note of result.notes) context.note(note);
  const weakened = weakenedLines(args);
  const reports = await writeReports(
    reportPaths(args),
    parityDocument(result, weakened),
    paritySuite(result, weakened),
  );
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
    text: `${renderEvaluation(result, context.speech)}\n${context.speech.text(renderParity(result))}`,
  };
}

async function whole(
  args: Arguments,
  context: CommandContext,
  options: PartOptions,
  run: (options: PartOptions) => Promise<EvaluateResult>,
): Promise<ParityResult> {
  const { evaluateParity } = await import("../../evaluate/parity/run.ts");
  const { fewestTold } = await import("../../evaluate/parity/mcnemar.ts");
  const least = fewestTold(LEVEL);
  const onQuestions = (task: string, items: number): void => {
    const points = items < least ? "none at all" : `${((100 * least) / items).toFixed(2)} points`;
    context.note(
      `${task}: ${items} items; the smallest loss that they can tell from chance (p < ${LEVEL}) is ${points}`,
    );
  };
  return evaluateParity(
    requiredString(args, "model"),
    {
      ...options,
      ...referenceIn(args),
      tasks: options.tasks ?? [],
      maxChanged: optionalCount(args, "max-changed", 0),
      maxLost: between(args, "max-lost", 0, 100),
    },
    () => run({ ...options, onQuestions }),
  );
}

/** @throws WbError WB2001 for options that do not go with it. */
async function sequential(
  args: Arguments,
  context: CommandContext,
  options: PartOptions,
): Promise<ParityResult> {
  const { evaluateSequentially } = await import("../../evaluate/parity/run-sequential.ts");
  const { fewestToPass } = await import("../../evaluate/parity/sequential.ts");
  const maxLost = between(args, "max-lost", 0, 100);
  if (maxLost === undefined)
    throw refuse("--stop-when-decided: expected --max-lost P, the points that a task may lose");
  const errorRate = between(args, "error-rate", 1e-9, 0.5) ?? ERROR_RATE;
  for (const option of ["max-changed", "resume", "completions", "execute"])
    if (args[option] !== undefined && args[option] !== false)
      throw refuse(`--${option}: does not go with --stop-when-decided`);
  const onQuestions = (task: string, rows: number): void => {
    const least = fewestToPass(rows, maxLost, errorRate);
    context.note(
      `${task}: ${rows} rows, in random order; where no answer is lost, a loss of more than ${maxLost} points is ruled out after ${least} rows (error rate ${errorRate})`,
    );
  };
  return evaluateSequentially(requiredString(args, "model"), {
    ...withTasks(options),
    ...referenceIn(args),
    maxLost,
    errorRate,
    onQuestions,
  });
}

function referenceIn(args: Arguments): {
  readonly other: string | undefined;
  readonly golden: string | undefined;
} {
  const [other, ...more] = texts(args, "other");
  if (more.length > 0)
    throw new WbError("WB2001", `eval: expected one other model, found ${more.length + 1}`, {
      details: { option: "other" },
    });
  return { other, golden: optionalString(args, "golden") };
}

function between(args: Arguments, name: string, least: number, most: number): number | undefined {
  const value = optionalNumber(args, name);
  if (value === undefined || (value >= least && value <= most)) return value;
  throw new WbError("WB2001", `--${name}: expected ${least} to ${most}, found ${value}`, {
    details: { option: `--${name}`, found: value },
  });
}

function refuse(message: string): WbError {
  return new WbError("WB2001", message, { details: { option: "--stop-when-decided" } });
}
