import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const LOCKS = join(import.meta.dirname, "../../.scratch/locks");
/** How often a lock is tried anew. */
const STEP_MS = 200;
/** Longest installation that another test is waited for. */
const LIMIT_MS = 15 * 60_000;

/** Runs `work` while no other test process runs it under the same name: two files of a suite may need one installation. */
export function alone<T>(name: string, work: () => T): T {
  mkdirSync(LOCKS, { recursive: true });
  const path = join(LOCKS, name);
  const until = Date.now() + LIMIT_MS;
  while (!taken(path)) {
    if (Date.now() > until)
      throw new Error(`${path}: another process keeps it; remove it if none does`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STEP_MS);
  }
  try {
    return work();
  } finally {
    rmSync(path);
  }
}

function taken(path: string): boolean {
  try {
    writeFileSync(path, String(process.pid), { flag: "wx" });
    return true;
  } catch {
    if (!isHeld(path)) rmSync(path, { force: true });
    return false;
  }
}

/** Whether the process that wrote the lock lives; one that was just made, and says nothing yet, counts as held. */
function isHeld(path: string): boolean {
  try {
    const owner = Number(readFileSync(path, "utf8"));
    if (owner === 0) return true;
    process.kill(owner, 0);
    return true;
  } catch {
    return false;
  }
}
