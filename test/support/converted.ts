import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { isRecord } from "./is-record.ts";
import type { Facts } from "./stored-facts.ts";

/** `tensors` of convert's JSON as a table by target name. */
export function convertedFacts(
  json: Readonly<Record<string, unknown>>,
): Readonly<Record<string, Facts>> {
  const { tensors } = json;
  if (!Array.isArray(tensors)) throw new Error(`no tensors in ${JSON.stringify(json)}`);
  return Object.fromEntries(
    tensors.map((tensor: unknown): [string, Facts] => {
      if (!isRecord(tensor) || !Array.isArray(tensor["shape"])) throw new Error("no tensor");
      const shape = tensor["shape"].map(Number);
      return [String(tensor["to"]), [String(tensor["dtype"]), shape, String(tensor["sha256"])]];
    }),
  );
}

export const sha256Of = (path: string): string =>
  createHash("sha256").update(readFileSync(path)).digest("hex");
