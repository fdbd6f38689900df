import { spawn } from "node:child_process";
import { join } from "node:path";

const CLI = join(import.meta.dirname, "../../bin/weighbridge.js");

/** Runs a conversion and sends it a signal after some milliseconds; gives what it ended with. */
export function killConversion(
  args: readonly string[],
  signal: NodeJS.Signals,
  afterMs: number,
): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CLI, "convert", ...args, "--quiet"], {
      stdio: "ignore",
    });
    const timer = setTimeout(() => child.kill(signal), afterMs);
    child.on("error", reject);
    child.on("exit", (code, endedBy) => {
      clearTimeout(timer);
      resolve({ code, signal: endedBy });
    });
  });
}
