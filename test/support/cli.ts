import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isRecord } from "./is-record.ts";

const ROOT = join(import.meta.dirname, "../..");

export interface CliRun {
  readonly status: number;
  /** The one document on stdout. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly stderr: string;
}

/** Runs the built command line with --json, as a user's script does. */
export function runCli(...args: readonly string[]): CliRun {
  if (!existsSync(join(ROOT, "dist/cli/main.js"))) {
    throw new Error("the command line is not built: run npm run build");
  }
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(ROOT, "bin/weighbridge.js"), ...args, "--json"],
    { encoding: "utf8", maxBuffer: 2 ** 28 },
  );
  if (status === null) throw new Error(`killed:\n${stderr}`);
  const json: unknown = JSON.parse(stdout);
  if (!isRecord(json)) throw new Error(`stdout is no JSON object: ${stdout}`);
  return { status, json, stderr };
}
