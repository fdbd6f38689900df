import { dirname, resolve, sep } from "node:path";
import { WbError } from "../../errors/wb-error.ts";
import { TARGET_FORMATS, type TargetFormat } from "../../formats/target-formats.ts";
import type { CastDtype } from "../../mapping/step.ts";
import { PADDLE_WRITERS, type PaddleWriter } from "../../model/names/paddle-writers.ts";
import type { LinearLayout } from "../../model/parameter.ts";
import type { Checkpoint } from "../../tensor/table.ts";
import type { Done, Job } from "../job.ts";
import type { ConvertOptions } from "../settings.ts";
import { refuseSource } from "../staging/target-folder.ts";
import type { Part } from "./balance.ts";
import { finishParts } from "./finish.ts";
import { checkParts, describeParts } from "./identity.ts";
import { readPlanFile, writePlanFile, type PartsPlan, type PlannedOptions } from "./plan-file.ts";
import { runPart } from "./run-part.ts";
import { refuseFiles } from "./workplace.ts";

/** What was done of a conversion in parts. */
export type PartsStep =
  | {
      readonly kind: "plan";
      readonly path: string;
      /** False when the file held this plan already. */
      readonly written: boolean;
      readonly files: PartsPlan["files"];
    }
  | {
      readonly kind: "part";
      readonly part: Part;
      /** Names of its files that were written before. */
      readonly kept: readonly string[];
    }
  | { readonly kind: "finish" };

/** What was written of it, or would be. */
export interface PartsDone extends Done {
  readonly step: PartsStep;
}

/** A conversion in parts, before its source is opened. */
export interface Parts {
  readonly path: string;
  /** The options that decide what is written. */
  readonly planned: PlannedOptions;
  /** Undefined where the plan is to be made. */
  readonly plan: PartsPlan | undefined;
}

/** A conversion's options, and its plan where it is split. */
export interface ChosenParts {
  /** As given, and as the plan has them. */
  readonly options: ConvertOptions;
  readonly parts: Parts | undefined;
}

/** The options that decide what is written. */
const PLANNED = [
  "to",
  "layout",
  "for",
  "sourceLayout",
  "dtype",
  "maxShardSize",
  "architecture",
] as const;

/**
 * Reads the plan that a part or the end of a conversion needs. Undefined for a conversion that is not split.
 * @throws WbError WB2001, WB2905, WB3001, WB3901, WB4902, WB5901.
 */
export async function chooseParts(options: ConvertOptions): Promise<ChosenParts> {
  const { plan: path, part, finish, dryRun, resume } = options;
  const wantsPlan = part !== undefined || finish === true;
  if (path === undefined) {
    if (wantsPlan)
      throw new WbError("WB2001", "--part and --finish need the --plan they belong to", {
        details: { option: "--plan" },
      });
    return { options, parts: undefined };
  }
  if (part !== undefined && finish === true)
    throw new WbError("WB2001", "--part and --finish are two steps: give one of them", {
      details: { option: "--part" },
    });
  if (dryRun === true || resume === true)
    throw new WbError(
      "WB2001",
      `--plan: parts have no --${dryRun === true ? "dry-run" : "resume"}`,
      {
        details: { option: "--plan" },
        hint: "A part that was stopped is run again as it was; making a plan writes no weights.",
      },
    );
  if (options.delta !== undefined)
    throw new WbError("WB2001", "--plan: a sum of two models is not split into parts", {
      details: { option: "--plan" },
      hint: "Convert with --delta in one piece; a second conversion of its result may be split.",
    });
  if (!wantsPlan)
    return { options, parts: { path, planned: plannedOptions(options), plan: undefined } };
  const plan = await readPlanFile(path);
  return {
    options: withPlanned(options, plan, path),
    parts: { path, planned: plan.options, plan },
  };
}

/** The options of the plan; those that are given as well must be the same. @throws WbError WB2905, WB3901. */
function withPlanned(options: ConvertOptions, plan: PartsPlan, path: string): ConvertOptions {
  for (const name of PLANNED) {
    const given = options[name];
    const planned = plan.options[name];
    if (given === undefined || given === planned) continue;
    throw new WbError(
      "WB2905",
      `${path}: ${name}: planned with ${planned ?? "none"}, found ${given}`,
      { details: { path, what: name, expected: planned ?? null, found: given } },
    );
  }
  const text = <T extends string>(name: string, values: readonly T[]): T | undefined => {
    const value = plan.options[name];
    const known = values.find((candidate) => candidate === value);
    if (value === known) return known;
    throw new WbError("WB3901", `${path}: options.${name}: found ${value ?? ""}`, {
      details: { path },
    });
  };
  const { maxShardSize, architecture } = plan.options;
  return {
    ...options,
    to: text<TargetFormat>("to", TARGET_FORMATS),
    layout: text<LinearLayout>("layout", ["torch", "paddle"]),
    for: text<PaddleWriter>("for", PADDLE_WRITERS),
    sourceLayout: text<LinearLayout>("sourceLayout", ["torch", "paddle"]),
    dtype: text<CastDtype | "keep">("dtype", ["keep", "F16", "BF16", "F32"]),
    maxShardSize: maxShardSize === undefined ? undefined : Number(maxShardSize),
    architecture: architecture === undefined ? undefined : String(architecture),
  };
}

/** Makes the plan, writes a part or finishes. @throws WbError as `convert`, and WB2905, WB3901, WB3902. */
export async function runParts(
  { path, planned, plan }: Parts,
  job: Job,
  checkpoint: Checkpoint,
  version: string,
): Promise<PartsDone> {
  const { settings, outputs, target } = job;
  const { force, fileSystem, part } = settings;
  const found = await describeParts(checkpoint, outputs, planned, version);
  if (plan === undefined) {
    await refuseSource(target, job.sources);
    refusePlace(path, target);
    if (!force) await refuseFiles(target);
    const written = await writePlanFile(path, found, force, fileSystem);
    const { files } = found;
    return { outputs, outcomes: undefined, step: { kind: "plan", path, written, files } };
  }
  checkParts(plan, found, path);
  const digest = plan.planSha256;
  if (part === undefined) {
    const outcomes = await finishParts(job, digest);
    return { outputs, outcomes, step: { kind: "finish" } };
  }
  const { files, kept, outcomes } = await runPart(job, part, digest);
  const tensors = outputs.tensors.filter(({ name }) => outcomes.has(name));
  return {
    outputs: { files, tensors, index: undefined },
    outcomes,
    step: { kind: "part", part, kept },
  };
}

function plannedOptions(options: ConvertOptions): PlannedOptions {
  return Object.fromEntries(
    PLANNED.flatMap((name) => {
      const value = options[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}

/** A plan in the target would be a file that does not belong to the model. @throws WbError WB2001. */
function refusePlace(path: string, target: string): void {
  if (!`${dirname(resolve(path))}${sep}`.startsWith(`${resolve(target)}${sep}`)) return;
  throw new WbError("WB2001", `--plan ${path}: expected a place outside of the target ${target}`, {
    details: { option: "--plan", found: path },
  });
}
