import { randomUUID } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { isSystemError, WbError } from "../../errors/wb-error.ts";
import { writeRefused } from "../../errors/write-refused.ts";
import { isRecord, recordIn } from "../../model/config/fields.ts";
import { ACTIVATIONS, COMPUTE_DTYPES, TOKENIZER_FORMS } from "../../options/choices.ts";
import { readSmall } from "../../sources/places.ts";
import { VARIANTS } from "../tasks/task.ts";
import { withDigest, type EvalPlan, type PlannedOptions } from "./identity.ts";

export const PLAN_KIND = "weighbridge evaluation in parts";
const SCHEMA_VERSION = 1;
const MAX_PLAN_BYTES = 32 * 2 ** 20;

/** Writes a plan; false when the very same one was there. @throws WbError WB2927 for another file of that name, WB6002. */
export async function writePlan(path: string, plan: EvalPlan): Promise<boolean> {
  const text = `${JSON.stringify({ schemaVersion: SCHEMA_VERSION, kind: PLAN_KIND, ...plan }, undefined, 2)}\n`;
  const beside = `${path}.${randomUUID()}`;
  try {
    await writeFile(beside, text);
    // A link, unlike a rename, leaves alone what is there: of several who make the plan at once, one does.
    await link(beside, path);
    return true;
  } catch (cause) {
    if (!isSystemError(cause) || cause.code !== "EEXIST") throw writeRefused(path, cause);
    if ((await readFile(path, "utf8")) === text) return false;
    throw new WbError("WB2927", `${path}: holds something else than this plan`, {
      details: { path },
    });
  } finally {
    await rm(beside, { force: true });
  }
}

/** @throws WbError WB3921 for no such file, WB3927 for one that is no plan, or was changed. */
export async function readPlan(path: string): Promise<EvalPlan> {
  const bytes = await readSmall(path, MAX_PLAN_BYTES);
  if (bytes === undefined)
    throw new WbError("WB3921", `${path}: there is no such plan`, {
      details: { path },
      hint: "Make it first: `weighbridge eval MODEL … --plan FILE`, without --part and --finish.",
    });
  const raw = recordIn(new TextDecoder().decode(bytes));
  const { schemaVersion, kind, weighbridge, options, planSha256 } = raw ?? {};
  if (kind !== PLAN_KIND || schemaVersion !== SCHEMA_VERSION)
    throw damaged(path, `a plan of schemaVersion ${SCHEMA_VERSION}`, JSON.stringify(kind ?? null));
  const { weightsSha256, tokenizerSha256, tasks } = raw ?? {};
  if (
    typeof weighbridge !== "string" ||
    typeof weightsSha256 !== "string" ||
    typeof tokenizerSha256 !== "string" ||
    typeof planSha256 !== "string" ||
    !Array.isArray(tasks) ||
    !isRecord(options) ||
    !areOptions(options)
  )
    throw damaged(path, "the fields of a plan", "others");
  const plan = withDigest({
    weighbridge,
    options,
    weightsSha256,
    tokenizerSha256,
    tasks: tasks.map((task: unknown) => taskIn(task, path)),
  });
  if (plan.planSha256 === planSha256) return plan;
  throw damaged(path, `the digest ${plan.planSha256}`, `${planSha256}: it was changed`);
}

function taskIn(task: unknown, path: string): EvalPlan["tasks"][number] {
  const { name, items, sha256 } = isRecord(task) ? task : {};
  if (typeof name === "string" && typeof items === "number" && typeof sha256 === "string")
    return { name, items, sha256 };
  throw damaged(path, "tasks with name, items and sha256", JSON.stringify(task).slice(0, 60));
}

/** Options and what each may be. */
const KINDS: Readonly<Record<keyof PlannedOptions, (value: unknown) => boolean>> = {
  tasks: (value) => Array.isArray(value) && value.every((name) => typeof name === "string"),
  variant: (value) => VARIANTS.some((variant) => variant === value),
  turns: (value) => typeof value === "string",
  limit: Number.isSafeInteger,
  seed: Number.isSafeInteger,
  maxNewTokens: Number.isSafeInteger,
  maxLength: Number.isSafeInteger,
  skipBad: (value) => typeof value === "boolean",
  tokenizer: (value) => TOKENIZER_FORMS.some((form) => form === value),
  compute: (value) => COMPUTE_DTYPES.some((dtype) => dtype === value),
  activations: (value) => ACTIVATIONS.some((one) => one === value),
};

function areOptions(raw: Readonly<Record<string, unknown>>): raw is PlannedOptions & typeof raw {
  const kinds = new Map<string, (value: unknown) => boolean>(Object.entries(KINDS));
  const isKnown = Object.entries(raw).every(([name, value]) => kinds.get(name)?.(value) === true);
  return isKnown && "tasks" in raw;
}

function damaged(path: string, expected: string, found: string): WbError {
  return new WbError("WB3927", `${path}: expected ${expected}, found ${found}`, {
    details: { path, expected, found },
  });
}
