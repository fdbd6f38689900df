import type { Speech } from "../language/speech.ts";
import { WbError } from "../../errors/wb-error.ts";
import type { PartOptions } from "../../evaluate/parts/run-parts.ts";
import type { EvaluateResult } from "../../evaluate/result.ts";
import { flag, optionalPart, optionalString } from "../arguments.ts";
import type { Arguments, CommandResult } from "../command.ts";
import { withTasks } from "./options.ts";

/** A step of an evaluation in parts. */
export type Step =
  | { readonly kind: "plan" | "finish"; readonly plan: string }
  | {
      readonly kind: "part";
      readonly plan: string;
      readonly part: { readonly index: number; readonly of: number };
    };

/** Options that do not go with a plan, or with its step. */
const NOT_WITH: readonly (readonly [option: string, kinds: readonly Step["kind"][]])[] = [
  ["other", ["plan", "part", "finish"]],
  ["resume", ["plan", "part", "finish"]],
  ["stop-when-decided", ["plan", "part", "finish"]],
  ["golden", ["plan", "part"]],
  ["details", ["plan", "part"]],
  ["completions", ["plan", "part"]],
  ["execute", ["plan", "part"]],
];

const WHY_NOT: Readonly<Record<string, string>> = {
  resume: "goes with no plan: a part that was stopped goes on when it is run again",
  "stop-when-decided": "goes with no plan: what is asked next depends on the answers before",
};

/** The step that the options ask for; undefined for an evaluation that is not split. @throws WbError WB2001. */
export function stepOf(args: Arguments): Step | undefined {
  const plan = optionalString(args, "plan");
  const part = optionalPart(args, "part");
  const isFinish = flag(args, "finish");
  if (plan === undefined) {
    if (part === undefined && !isFinish) return undefined;
    throw refuse("--part and --finish need the --plan they belong to", "--plan");
  }
  if (part !== undefined && isFinish)
    throw refuse("--part and --finish are two steps: give one of them", "--part");
  const step: Step =
    part === undefined
      ? { kind: isFinish ? "finish" : "plan", plan }
      : { kind: "part", plan, part };
  for (const [option, kinds] of NOT_WITH) {
    const value = args[option];
    const isGiven = Array.isArray(value)
      ? value.length > 0
      : value !== undefined && value !== false;
    if (!isGiven || !kinds.includes(step.kind)) continue;
    throw refuse(
      option === "other"
        ? "--plan: the parts of one model are computed at a time"
        : `--${option}: ${WHY_NOT[option] ?? "goes with --finish"}`,
      option === "other" ? "--plan" : `--${option}`,
      option === "other" ? "Give the other model's --details to --finish as --golden." : undefined,
    );
  }
  return step;
}

function refuse(message: string, option: string, hint?: string): WbError {
  return new WbError("WB2001", message, {
    details: { option },
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Makes the plan. */
export async function planStep(
  model: string,
  { plan }: Step,
  options: PartOptions,
  speech: Speech,
): Promise<CommandResult> {
  const { planEvaluation } = await import("../../evaluate/parts/run-parts.ts");
  const planned = await planEvaluation(model, plan, withTasks(options));
  const items = planned.tasks.reduce((sum, task) => sum + task.items, 0);
  const same = planned.written ? "" : " (as it was)";
  return {
    ok: true,
    json: { model, step: { kind: "plan", ...planned } },
    text: speech.text(
      [
        `${plan}: ${planned.tasks.length} tasks, ${items} items in all${same}`,
        "now run every part, anywhere and in any order, and then finish:",
        `  weighbridge eval ${model} --data ${options.data} --plan ${plan} --part 1/8`,
        `  weighbridge eval ${model} --data ${options.data} --plan ${plan} --finish`,
      ].join("\n"),
    ),
  };
}

/** Computes a part. */
export async function partStep(
  model: string,
  { plan, part }: Extract<Step, { kind: "part" }>,
  options: PartOptions,
  speech: Speech,
): Promise<CommandResult> {
  const { evaluatePart } = await import("../../evaluate/parts/run-parts.ts");
  const done = await evaluatePart(model, plan, part, options);
  const before = done.wasThere ? ", computed before" : "";
  return {
    ok: true,
    json: { model, step: { kind: "part", ...done } },
    text: speech.text(
      `part ${part.index} of ${part.of}: ${done.items} items${before}: ${done.path}`,
    ),
  };
}

/** Puts the parts together. */
export async function finishStep(
  model: string,
  { plan }: Step,
  options: PartOptions,
): Promise<EvaluateResult> {
  const { finishParts } = await import("../../evaluate/parts/finish.ts");
  return finishParts(model, plan, options);
}
