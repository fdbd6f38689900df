import { mkdir } from "node:fs/promises";
import { WbError } from "../../errors/wb-error.ts";
import { writing } from "../../errors/write-refused.ts";
import { askAll } from "../ask-all.ts";
import { openJournal, runDigest } from "../journal.ts";
import { openEvaluation } from "../open-evaluation.ts";
import type { EvaluateOptions } from "../options.ts";
import { readAll, type Asked } from "../read-all.ts";
import { describeParts, type EvalPlan } from "./identity.ts";
import { partPath, partsFolder, readPart, renderPart, type PartResult } from "./part-file.ts";
import { readPlan, writePlan } from "./plan-file.ts";
import { questionsOfPart, type Part } from "./slice.ts";

/** Options with which a part is computed, or parts are put together: what is asked comes from the plan where it is left out. */
export type PartOptions = Omit<EvaluateOptions, "tasks"> & {
  readonly tasks?: readonly string[] | undefined;
};

/** A plan that was made. */
export interface Planned {
  readonly path: string;
  /** False where the file held this plan already. */
  readonly written: boolean;
  readonly tasks: EvalPlan["tasks"];
}

/**
 * Makes the plan of an evaluation in parts; computes nothing.
 * @throws WbError as `evaluate`, and WB2927.
 */
export async function planEvaluation(
  path: string,
  plan: string,
  options: EvaluateOptions,
): Promise<Planned> {
  const asked = await readAll(options);
  const described = await describeParts(path, asked, options);
  return { path: plan, written: await writePlan(plan, described), tasks: described.tasks };
}

/** An evaluation in parts whose plan is that of this model, this data and these options. */
export interface OpenedPlan {
  readonly plan: EvalPlan;
  readonly asked: Asked;
  readonly options: EvaluateOptions;
}

/** @throws WbError as `evaluate`, WB2926, WB3921, WB3927. */
export async function openPlan(
  path: string,
  planPath: string,
  given: PartOptions,
): Promise<OpenedPlan> {
  const plan = await readPlan(planPath);
  const set = Object.entries(given).filter(([, value]) => value !== undefined && value !== false);
  const options = { ...given, ...plan.options, ...Object.fromEntries(set) };
  const asked = await readAll(options);
  checkPlan(plan, await describeParts(path, asked, options), planPath);
  return { plan, asked, options };
}

/** Refuses a plan that is not that of `found`, and says what differs. */
function checkPlan(plan: EvalPlan, found: EvalPlan, path: string): void {
  const seen = sides(found);
  for (const [at, [what, expected]] of sides(plan).entries()) {
    const [, other = "none"] = seen[at] ?? [];
    if (other === expected) continue;
    throw new WbError("WB2926", `${path}: ${what}: planned with ${expected}, found ${other}`, {
      details: { path, what, expected, found: other },
    });
  }
}

/** What a plan is bound to, by what messages call it. */
function sides(of: EvalPlan): readonly (readonly [string, string])[] {
  return [
    ["weighbridge", of.weighbridge],
    ["the weights' digest", of.weightsSha256],
    ["tasks", of.tasks.map(({ name }) => name).join(", ")],
    ...of.tasks.flatMap(({ name, items, sha256 }): readonly (readonly [string, string])[] => [
      [`${name}, rows`, String(items)],
      [`${name}, the digest of rows and templates`, sha256],
    ]),
    ...(["maxNewTokens", "maxLength", "compute", "activations"] as const).map(
      (name) => [name, String(of.options[name] ?? "not given")] as const,
    ),
    ["the tokenizer's digest", of.tokenizerSha256],
  ];
}

/** What was done of a part. */
export interface PartDone {
  readonly path: string;
  readonly part: Part;
  readonly items: number;
  /** True where it was computed before and nothing was done. */
  readonly wasThere: boolean;
}

/**
 * Computes one part and writes it beside the plan, whole or not at all; stopped, it goes on where it was.
 * @throws WbError as `openPlan` and `evaluate`, WB6002.
 */
export async function evaluatePart(
  path: string,
  planPath: string,
  part: Part,
  given: PartOptions,
): Promise<PartDone> {
  const { plan, asked, options } = await openPlan(path, planPath, given);
  const { planSha256 } = plan;
  const target = partPath(planPath, part);
  const before = await partOf(target, planSha256);
  if (before !== undefined)
    return { path: target, part, items: before.items.length, wasThere: true };
  const parts = partsFolder(planPath);
  await writing(parts, () => mkdir(parts, { recursive: true }));
  const own = { ...asked, questions: questionsOfPart(asked.questions, part) };
  const evaluation = await openEvaluation(path, options);
  try {
    const { ops, activations, plan: memory } = evaluation.runtime;
    const run = await runDigest(evaluation.runtime, planSha256);
    const journal = await openJournal(target, run, "either");
    const answered = await askAll(evaluation, own, journal, options);
    const result: PartResult = {
      planSha256,
      part,
      facts: {
        device: ops.device,
        backend: ops.description,
        compute: ops.compute,
        activations,
        residence: memory.residence,
        maxLength: evaluation.maxLength,
        notes: evaluation.notes,
      },
      tasks: answered.map(({ tokens, seconds }, at) => ({
        name: own.questions[at]?.task.name ?? "",
        tokens,
        seconds,
      })),
      items: answered.flatMap(({ items }) => items),
    };
    await journal.finish(renderPart(result));
    return { path: target, part, items: result.items.length, wasThere: false };
  } finally {
    await evaluation.runtime.close();
  }
}

/** A part of this plan that was computed before; one that is damaged or of another plan is computed anew. */
async function partOf(path: string, planSha256: string): Promise<PartResult | undefined> {
  try {
    const found = await readPart(path);
    return found?.planSha256 === planSha256 ? found : undefined;
  } catch (error) {
    if (error instanceof WbError && error.code === "WB3927") return undefined;
    throw error;
  }
}
