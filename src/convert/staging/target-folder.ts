import { mkdir, readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import { localPlace } from "../../sources/places.ts";
import { isRemote } from "../../sources/remote/place.ts";
import { isSystemError, WbError } from "../../errors/wb-error.ts";
import { writeRefused, writing } from "../../errors/write-refused.ts";
import { exists, makeFolder, type FileSystem } from "./file-system.ts";
import { readJournal, type Journal } from "./journal.ts";
import { claimEnded, refuseRunning, writeLock } from "./lock.ts";

/** Folder inside the target that holds everything until it is complete. */
export const STAGING = ".weighbridge-partial";

/** Begin of the names of folders in the staging folder that hold the finished files of one plan's parts. */
export const PARTS = "parts-";

/** A target that this process alone may write to. */
export interface Target {
  readonly folder: string;
  readonly staging: string;
  /** True when the folder was made for this conversion. */
  readonly isNew: boolean;
  /** Work of an interrupted conversion with the same plan, which may be gone on with. */
  readonly journal: Journal | undefined;
}

export interface TargetOptions {
  readonly force: boolean;
  readonly resume: boolean;
  readonly planDigest: string;
}

/**
 * The target may not be the source's folder, nor be inside it, under whatever name: the source is never written to. Nothing is
 * written to other machines, either.
 * @throws WbError WB2902; WB2050 for an address; WB6002 where no folder can be.
 */
export async function refuseSource(target: string, sources: readonly string[]): Promise<void> {
  if (isRemote(target))
    throw new WbError("WB2050", `${target}: expected a folder of this machine to write to`, {
      details: { path: target },
      hint: "Convert to a folder here, and upload that.",
    });
  const place = await writing(target, () => realPlace(target), "could not be created");
  for (const file of sources) {
    const read = await localPlace(file);
    if (isRemote(read)) continue;
    const folder = dirname(await realpath(read));
    if (place === folder || place.startsWith(`${folder}${sep}`)) {
      throw new WbError("WB2902", `${target}: the target is in ${folder}, which is being read`, {
        details: { path: target },
        hint: `Name a folder outside of it, such as ${outside(folder, place)}.`,
      });
    }
  }
}

/** A folder beside the source that could be the target. */
function outside(source: string, target: string): string {
  return target === source ? `${source}-converted` : join(dirname(source), basename(target));
}

/** The real path that a folder has or will have: of the nearest parent that exists, and the rest. */
async function realPlace(path: string): Promise<string> {
  const absolute = resolve(path);
  try {
    return await realpath(absolute);
  } catch (error) {
    if (!isSystemError(error) || error.code !== "ENOENT" || dirname(absolute) === absolute)
      throw error;
    return join(await realPlace(dirname(absolute)), absolute.slice(dirname(absolute).length + 1));
  }
}

/** The nearest folder on the way to `path` that exists: its file system will hold the target. */
export async function nearestFolder(path: string): Promise<string> {
  const absolute = resolve(path);
  if (await exists(absolute)) return absolute;
  return dirname(absolute) === absolute ? absolute : nearestFolder(dirname(absolute));
}

/**
 * Takes the target: creates its staging folder, which is also the lock.
 * @throws WbError WB2901 when the target holds files and `force` is not given, WB2903, WB2904.
 */
export async function takeTarget(
  folder: string,
  options: TargetOptions,
  fileSystem: FileSystem,
): Promise<Target> {
  await refuseOccupied(folder, options);
  const staging = join(folder, STAGING);
  const isNew = !(await exists(folder));
  await makeFolder(folder);
  try {
    const journal = await takeStaging(staging, options, fileSystem);
    return { folder, staging, isNew, journal };
  } catch (error) {
    if (isNew) await fileSystem.removeEmptyFolder(folder);
    throw error;
  }
}

/** Leaves nothing behind; where even that fails, the first failure is the one to tell. */
export async function cleanUp(
  target: Target,
  fileSystem: FileSystem,
  failure: unknown,
): Promise<void> {
  try {
    await fileSystem.remove(target.staging);
    if (target.isNew) await fileSystem.removeEmptyFolder(target.folder);
  } catch (error) {
    if (failure instanceof Error && failure.cause === undefined) failure.cause = error;
  }
}

async function refuseOccupied(folder: string, options: TargetOptions): Promise<void> {
  if (!(await exists(folder))) return;
  if (!(await stat(folder)).isDirectory()) {
    throw new WbError(
      "WB2901",
      `${folder}: expected a folder for the converted model, found a file`,
      { details: { path: folder } },
    );
  }
  const names = (await readdir(folder)).filter((name) => name !== STAGING);
  if (names.length === 0 || options.force) return;
  const journal = options.resume ? await readJournal(join(folder, STAGING)) : undefined;
  if (journal?.committing === true) return;
  throw new WbError(
    "WB2901",
    `${folder}: holds ${names.length} files already (${names.slice(0, 3).join(", ")})`,
    { details: { path: folder } },
  );
}

async function takeStaging(
  staging: string,
  options: TargetOptions,
  fileSystem: FileSystem,
): Promise<Journal | undefined> {
  if (await makeExclusive(staging)) {
    try {
      await writeLock(staging, fileSystem);
    } catch (error) {
      await fileSystem.remove(staging);
      throw error;
    }
    return undefined;
  }
  if (!options.force) await refuseParts(staging);
  const seen = await refuseRunning(staging);
  const journal = await readJournal(staging);
  const isSame = journal?.planDigest === options.planDigest;
  if (!options.resume && !options.force) {
    throw new WbError("WB2904", `${staging}: an interrupted conversion left its work here`, {
      details: { path: staging },
    });
  }
  if (options.resume && journal !== undefined && !isSame && !options.force) {
    throw new WbError(
      "WB2903",
      `${staging}: the interrupted conversion had another source or other options`,
      { details: { path: staging } },
    );
  }
  await claimEnded(staging, seen, fileSystem);
  if (options.resume && isSame) {
    await writeLock(staging, fileSystem);
    return journal;
  }
  await fileSystem.remove(staging);
  return takeStaging(staging, options, fileSystem);
}

/** Whether a staging folder holds parts of a planned conversion. */
export async function holdsParts(staging: string): Promise<boolean> {
  return (await readdir(staging)).some((name) => name.startsWith(PARTS));
}

/** Parts of a planned conversion are no work that --resume can go on with. @throws WbError WB2904. */
async function refuseParts(staging: string): Promise<void> {
  if (!(await holdsParts(staging))) return;
  throw new WbError("WB2904", `${staging}: holds parts of a planned conversion`, {
    details: { path: staging },
    hint: "Finish it (--plan FILE --finish), convert to another folder, or throw the parts away with --force.",
  });
}

async function makeExclusive(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if (isSystemError(error) && error.code === "EEXIST") return false;
    throw writeRefused(path, error, "could not be created");
  }
}
