import { randomBytes } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { WbError } from "../../errors/wb-error.ts";
import { exists, makeFolder, type FileSystem } from "../staging/file-system.ts";
import { PARTS, STAGING } from "../staging/target-folder.ts";

/** Begin of the names of folders in which one process writes what is not finished. */
const RUNNER = "runner-";

/** Says that files of these parts may be under their final names. */
export const COMMITTING = "committing";

/**
 * Age of a runner's last change, in ms, from which it is taken for dead. What is written goes to the disk every 64 MiB, so a
 * living one is far younger on any disk that is worth its name.
 */
const ABANDONED_MS = 60 * 60_000;

/**
 * Where the parts of one plan meet, on a file system that machines share: finished files, and a receipt for each.
 *
 * No lock: each process writes in a folder of its own, under a name that nobody else has, and a finished file gets its name by a
 * rename, which is atomic on NFS as well. Two processes that write the same part write the same bytes, so either may come last.
 */
export interface Workplace {
  /** The folder that is converted to. */
  readonly target: string;
  readonly folder: string;
  /** This process's own; removed when it ends. */
  readonly runner: string;
}

/** The folder of a workplace, by its plan's digest. */
export function partsFolder(target: string, digest: string): string {
  return join(target, STAGING, `${PARTS}${digest.slice(0, 16)}`);
}

export interface WorkplaceOptions {
  /** Of the plan; parts of two plans never meet. */
  readonly digest: string;
  /** Whether the target may hold files. */
  readonly force: boolean;
}

/**
 * Does one process's work, and leaves nothing of it but finished files.
 * @throws WbError WB2901 when the target holds files and `force` is not given, WB2904, WB6001, WB6002.
 */
export async function inWorkplace<T>(
  target: string,
  { digest, force }: WorkplaceOptions,
  fileSystem: FileSystem,
  work: (workplace: Workplace) => Promise<T>,
): Promise<T> {
  const folder = partsFolder(target, digest);
  const isCommitting = await exists(join(folder, COMMITTING));
  if (!force && !isCommitting) await refuseFiles(target);
  await refuseOther(join(target, STAGING));
  const runner = join(folder, `${RUNNER}${randomBytes(8).toString("hex")}`);
  const workplace = { target, folder, runner };
  let result: T;
  try {
    await makeFolder(runner);
    await removeAbandoned(folder, runner, fileSystem);
    result = await work(workplace);
  } catch (error) {
    // The first failure is the one to tell.
    await leave(workplace, fileSystem).catch(() => undefined);
    throw error;
  }
  await leave(workplace, fileSystem);
  return result;
}

/** Finished files stay for `finish`; where there are none, nothing does. */
async function leave({ target, folder, runner }: Workplace, fileSystem: FileSystem): Promise<void> {
  await fileSystem.remove(runner);
  await removeEmpty([folder, join(target, STAGING), target], fileSystem);
}

/** Removes a workplace whose files are in place. */
export async function removeParts(
  target: string,
  folder: string,
  fileSystem: FileSystem,
): Promise<void> {
  await fileSystem.remove(folder);
  await removeEmpty([join(target, STAGING)], fileSystem);
}

async function removeEmpty(folders: readonly string[], fileSystem: FileSystem): Promise<void> {
  for (const path of folders) {
    if (await exists(path)) await fileSystem.removeEmptyFolder(path);
  }
}

/** From here on files are put in place. */
export async function commit(workplace: Workplace, fileSystem: FileSystem): Promise<void> {
  await fileSystem.appendLine(join(workplace.folder, COMMITTING), "");
}

/** @throws WbError WB2901. */
export async function refuseFiles(target: string): Promise<void> {
  if (!(await exists(target))) return;
  const names = (await stat(target)).isDirectory() ? await readdir(target) : [target];
  const found = names.filter((name) => name !== STAGING);
  if (found.length === 0) return;
  throw new WbError(
    "WB2901",
    `${target}: holds ${found.length} files already (${found.slice(0, 3).join(", ")})`,
    { details: { path: target } },
  );
}

/** A conversion that is not split has the whole staging folder to itself. */
async function refuseOther(staging: string): Promise<void> {
  const names = (await exists(staging)) ? await readdir(staging) : [];
  if (names.every((name) => name.startsWith(PARTS))) return;
  throw new WbError("WB2904", `${staging}: holds the work of a conversion that is not split`, {
    details: { path: staging },
    hint: "Finish that one with --resume, or convert to another folder.",
  });
}

/** Ages are told by the clock of the disk, which gave this process's own folder its time: machines' clocks differ. */
async function removeAbandoned(
  folder: string,
  mine: string,
  fileSystem: FileSystem,
): Promise<void> {
  const now = await lastChange(mine);
  for (const name of await readdir(folder)) {
    if (!name.startsWith(RUNNER)) continue;
    const path = join(folder, name);
    if (now - (await lastChange(path)) > ABANDONED_MS) await fileSystem.remove(path);
  }
}

/** When a folder or a file in it was changed last; now, where it vanishes meanwhile. */
async function lastChange(folder: string): Promise<number> {
  try {
    const times = [await stat(folder)];
    for (const name of await readdir(folder)) times.push(await stat(join(folder, name)));
    return Math.max(...times.map(({ mtimeMs }) => mtimeMs));
  } catch (error) {
    if (!(await exists(folder))) return Number.POSITIVE_INFINITY;
    throw error;
  }
}
