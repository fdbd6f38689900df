import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
/** The interpreter of the pinned environment. */
export const PYTHON = join(
  ROOT,
  ".venv",
  ...(process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"]),
);

/**
 * Runs a script of test/interop/python in the pinned environment: `input` goes in as JSON, and what its last line of
 * stdout says comes back. `packages` is a folder of others beside those of the environment. Fails when the environment is not there: a suite that cannot run must not pass.
 */
export function runPython(script: string, input: unknown, packages?: string): unknown {
  if (!existsSync(PYTHON)) {
    throw new Error("the pinned Python environment is missing: run node scripts/python-env.mjs");
  }
  const { status, stdout, stderr } = spawnSync(
    PYTHON,
    ["-W", "ignore", join(ROOT, "test/interop/python", script)],
    {
      input: JSON.stringify(input),
      encoding: "utf8",
      maxBuffer: 2 ** 28,
      env: {
        ...process.env,
        PYTHONNOUSERSITE: "1",
        HF_HUB_OFFLINE: "1",
        PYTHONDONTWRITEBYTECODE: "1",
        // Two files at a time share the cores, and models this small gain nothing by a second thread.
        OMP_NUM_THREADS: "1",
        ...(packages === undefined ? {} : { PYTHONPATH: packages }),
      },
    },
  );
  if (status !== 0) throw new Error(`${script} ended with ${status}:\n${stderr}`);
  const result: unknown = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
  return result;
}
