import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isRecord } from "./is-record.ts";

const ROOT = join(import.meta.dirname, "../..");

/** A JSON file of the project, by its path from the root. */
export function readJson(path: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(readFileSync(join(ROOT, path), "utf8"));
  if (!isRecord(value)) throw new Error(`${path}: expected an object`);
  return value;
}

/** What the lock file says of every package that is not for development alone, by its place in node_modules. */
export function installedPackages(): readonly (readonly [
  string,
  Readonly<Record<string, unknown>>,
])[] {
  const { packages } = readJson("package-lock.json");
  if (!isRecord(packages)) throw new Error("package-lock.json: expected packages");
  return Object.entries(packages).flatMap(([place, facts]) =>
    place !== "" && isRecord(facts) && facts["dev"] !== true ? [[place, facts] as const] : [],
  );
}
