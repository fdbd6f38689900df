import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isSystemError, WbError } from "../../errors/wb-error.ts";
import { isRecord, recordIn } from "../../model/config/fields.ts";
import type { TokenCounts } from "../ask.ts";
import type { Item } from "../item.ts";
import { itemOf } from "../item-in.ts";
import type { RunFacts } from "../result.ts";
import type { Part } from "./slice.ts";

/** What the machine that computed a part was; items of others may have other bits. */
export type PartFacts = Pick<
  RunFacts,
  "device" | "backend" | "compute" | "activations" | "residence" | "maxLength"
> & { readonly notes: readonly string[] };

/** What a part computed. */
export interface PartResult {
  readonly planSha256: string;
  readonly part: Part;
  readonly facts: PartFacts;
  readonly tasks: readonly {
    readonly name: string;
    readonly tokens: TokenCounts;
    readonly seconds: number;
  }[];
  readonly items: readonly Item[];
}

const KIND = "weighbridge evaluation part";

/** The folder beside a plan that its parts are written to. */
export function partsFolder(plan: string): string {
  return `${plan}.parts`;
}

export function partPath(plan: string, { index, of }: Part): string {
  return join(partsFolder(plan), `part-${index}-of-${of}.json`);
}

/** A part's file: one line, with a digest of all else at its end. */
export function renderPart(result: PartResult): string {
  const facts = { kind: KIND, ...result };
  return `${JSON.stringify({ ...facts, sha256: digest(facts) })}\n`;
}

/** Undefined where there is none. @throws WbError WB3927, WB6002. */
export async function readPart(path: string): Promise<PartResult | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if (isSystemError(cause) && cause.code === "ENOENT") return undefined;
    throw new WbError("WB6002", `${path}: cannot be read`, { details: { path }, cause });
  }
  const raw = recordIn(text) ?? {};
  const { sha256, ...facts } = raw;
  const found = digest(facts);
  if (sha256 === found && isPart(facts)) return facts;
  const expected = typeof sha256 === "string" ? sha256 : "a part of an evaluation";
  throw new WbError(
    "WB3927",
    `${path}: expected ${typeof sha256 === "string" ? `contents of the digest ${sha256}` : expected}, found others: it is cut or was changed`,
    { details: { path, expected, found } },
  );
}

/** All parts that are there, in the order of their names. @throws WbError as `readPart`. */
export async function readParts(
  plan: string,
): Promise<readonly { readonly path: string; readonly result: PartResult }[]> {
  const folder = partsFolder(plan);
  const found = [];
  for (const name of (await namesIn(folder)).filter((file) => file.endsWith(".json")).sort()) {
    const path = join(folder, name);
    const result = await readPart(path);
    if (result !== undefined) found.push({ path, result });
  }
  return found;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    if (isSystemError(cause) && cause.code === "ENOENT") return [];
    throw new WbError("WB6002", `${folder}: cannot be listed`, {
      details: { path: folder },
      cause,
    });
  }
}

/** Its digest was right, so that it is what this version or another one wrote. */
function isPart(
  raw: Readonly<Record<string, unknown>>,
): raw is Readonly<Record<string, unknown>> & PartResult {
  const { kind, planSha256, part, facts, tasks, items } = raw;
  return (
    kind === KIND &&
    typeof planSha256 === "string" &&
    isRecord(part) &&
    isRecord(facts) &&
    Array.isArray(facts["notes"]) &&
    Array.isArray(tasks) &&
    tasks.every((task) => isRecord(task) && isRecord(task["tokens"])) &&
    Array.isArray(items) &&
    items.every((item) => itemOf(item) !== undefined)
  );
}

function digest(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}
