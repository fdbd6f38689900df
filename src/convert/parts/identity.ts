import { createHash } from "node:crypto";
import { basename } from "node:path";
import { WbError } from "../../errors/wb-error.ts";
import type { Checkpoint } from "../../tensor/table.ts";
import { fileBytes } from "../../formats/file-plan.ts";
import { planDigest, versionOf } from "../staging/journal.ts";
import type { Outputs } from "../outputs.ts";
import type { PartsPlan, PlannedOptions } from "./plan-file.ts";

/**
 * What the parts of one conversion must agree on. Paths are left out: a shared disk may be mounted elsewhere on each machine.
 * @param version Of weighbridge: another one might lay files out otherwise.
 */
export async function describeParts(
  checkpoint: Checkpoint,
  outputs: Outputs,
  options: PlannedOptions,
  version: string,
): Promise<PartsPlan> {
  const sources = [];
  for (const path of checkpoint.files) {
    sources.push({ name: basename(path), version: await versionOf(path) });
  }
  const layout = await planDigest(outputs.files, [outputs.index?.text ?? ""], []);
  const facts = {
    weighbridge: version,
    options,
    sources,
    headersSha256: headersDigest(checkpoint),
    files: outputs.files.map((file) => ({ name: file.name, bytes: fileBytes(file) })),
  };
  const planSha256 = createHash("sha256")
    .update(`${JSON.stringify(facts)}\n${layout}`)
    .digest("hex");
  return { ...facts, planSha256 };
}

/** A digest of what the headers of all files say, down to where each tensor's bytes are. */
function headersDigest(checkpoint: Checkpoint): string {
  const hash = createHash("sha256");
  for (const { name, dtype, shape, strides, byteOffset, byteOrder, rank } of checkpoint.tensors) {
    const at = [strides, byteOffset, byteOrder, rank?.tp ?? 0, rank?.pp ?? 0];
    hash.update(`${JSON.stringify([name, dtype, shape, ...at])}\n`);
  }
  return hash.digest("hex");
}

/**
 * Refuses a plan that is not that of `found`, and says what differs.
 * @param path The plan's, for messages.
 * @throws WbError WB2905, WB3901.
 */
export function checkParts(plan: PartsPlan, found: PartsPlan, path: string): void {
  const refuse = (what: string, expected: string, seen: string): WbError =>
    new WbError("WB2905", `${path}: ${what}: planned with ${expected}, found ${seen}`, {
      details: { path, what, expected, found: seen },
    });
  if (plan.weighbridge !== found.weighbridge)
    throw refuse("weighbridge", plan.weighbridge, found.weighbridge);
  if (namesOf(plan) !== namesOf(found)) throw refuse("source files", namesOf(plan), namesOf(found));
  for (const [index, { name, version }] of found.sources.entries()) {
    const planned = plan.sources[index]?.version ?? "";
    if (planned !== version) throw refuse(`${name} (bytes, time or tag)`, planned, version);
  }
  if (plan.headersSha256 !== found.headersSha256)
    throw refuse("headers of the source", plan.headersSha256, found.headersSha256);
  if (plan.planSha256 === found.planSha256) return;
  throw new WbError(
    "WB3901",
    `${path}: expected the digest ${found.planSha256}, found ${plan.planSha256}: it was changed since it was written`,
    { details: { path, expected: found.planSha256, found: plan.planSha256 } },
  );
}

function namesOf({ sources }: PartsPlan): string {
  return sources.map(({ name }) => name).join(", ");
}
