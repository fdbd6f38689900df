import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { isSystemError, WbError } from "../../errors/wb-error.ts";
import { exists, readText, type FileSystem } from "./file-system.ts";

const LOCK = "lock.json";

/** What the lock is called when its conversion has ended and left work to go on with. */
const RELEASED = "released.json";

/** Creating a lock takes far less. */
const LOCK_WRITING_MS = 2000;

/** Time between two looks at a lock that has no content yet. */
const LOCK_POLL_MS = 100;

/** A lock whose conversion runs no more. */
export interface EndedLock {
  readonly name: string;
  readonly text: string | undefined;
}

/** Says in the staging folder which process works in it. */
export async function writeLock(staging: string, fileSystem: FileSystem): Promise<void> {
  const lock = { pid: process.pid, started: await startOfProcess(process.pid) };
  await fileSystem.writeSmall(join(staging, LOCK), JSON.stringify(lock));
}

/** Ends the claim on a staging folder whose work stays: this process may live on. */
export async function releaseLock(staging: string, fileSystem: FileSystem): Promise<void> {
  const lock = join(staging, LOCK);
  if (await exists(lock)) await fileSystem.rename(lock, join(staging, RELEASED));
}

/** @throws WbError WB2904 when the process that holds the lock is alive. */
export async function refuseRunning(staging: string): Promise<EndedLock> {
  const released = await readText(join(staging, RELEASED));
  if (released !== undefined) return { name: RELEASED, text: released };
  const text = await readText(join(staging, LOCK));
  const lock = parseLock(text);
  // A lock without content is being written this moment, or its writer was killed in between: its age will tell.
  if (lock === undefined) {
    const age = Date.now() - (await stat(staging)).mtimeMs;
    if (age > LOCK_WRITING_MS) return { name: LOCK, text };
    await setTimeout(LOCK_POLL_MS);
    return refuseRunning(staging);
  }
  if (!isAlive(lock.pid) || (await startOfProcess(lock.pid)) !== lock.started)
    return { name: LOCK, text };
  throw new WbError("WB2904", `${staging}: process ${lock.pid} is converting to this target`, {
    details: { path: staging },
  });
}

/**
 * Takes an ended lock away. Of two processes that saw it ended, one gets it: a rename happens once, and what was renamed must be
 * what was seen.
 * @throws WbError WB2904 for the other one.
 */
export async function claimEnded(
  staging: string,
  seen: EndedLock,
  fileSystem: FileSystem,
): Promise<void> {
  // Killed before it wrote a lock: there is nothing to take.
  if (seen.text === undefined) return;
  const lock = join(staging, seen.name);
  const claimed = join(staging, `claimed-${process.pid}.json`);
  try {
    await fileSystem.rename(lock, claimed);
  } catch (error) {
    if (await exists(lock)) throw error;
    throw new WbError("WB2904", `${staging}: another conversion is going on with this work`, {
      details: { path: staging },
      cause: error,
    });
  }
  if ((await readText(claimed)) !== seen.text) {
    await fileSystem.rename(claimed, lock);
    throw new WbError("WB2904", `${staging}: another conversion is going on with this work`, {
      details: { path: staging },
    });
  }
  await fileSystem.remove(claimed);
}

function parseLock(text: string | undefined): { pid: number; started: string } | undefined {
  const match = /^\{"pid":(\d+),"started":"([^"]*)"\}$/.exec(text ?? "");
  return match === null ? undefined : { pid: Number(match[1]), started: match[2] ?? "" };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isSystemError(error) && error.code === "EPERM";
  }
}

/** When a process began, in the system's own count: a pid that was given to another process differs. Empty where unknown. */
async function startOfProcess(pid: number): Promise<string> {
  const text = process.platform === "linux" ? await readText(`/proc/${pid}/stat`) : undefined;
  // Field 22, counted behind the name in parentheses, which may hold spaces.
  return text?.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}
