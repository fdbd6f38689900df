import { randomUUID } from "node:crypto";
import { realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isSystemError } from "../errors/wb-error.ts";
import { writing } from "../errors/write-refused.ts";

/**
 * Writes a text whole or not at all: what was there stays until all of the new text is on the disk. What is no file, as a
 * device or a pipe, is written to.
 * @throws WbError WB6001 where there is no room, WB6004 beyond a limit of files, WB6002.
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  await writing(path, async () => {
    const old = await placeOf(path);
    if (old.mode === "none") await writeFile(path, text);
    else await replace(old.path, text, old.mode);
  });
}

/** The file that a path stands for, behind links, and its permissions; "new" where there is none, "none" where it is something else. */
async function placeOf(
  path: string,
): Promise<{ readonly path: string; readonly mode: number | "new" | "none" }> {
  try {
    const real = await realpath(path);
    const facts = await stat(real);
    return { path: real, mode: facts.isFile() ? facts.mode & 0o777 : "none" };
  } catch (error) {
    if (isSystemError(error) && error.code === "ENOENT") return { path, mode: "new" };
    throw error;
  }
}

async function replace(path: string, text: string, mode: number | "new"): Promise<void> {
  // A short name of its own: that of the file may be as long as names can be.
  const beside = join(dirname(path), `.weighbridge-${randomUUID()}`);
  try {
    await writeFile(beside, text, { flag: "wx", ...(mode === "new" ? {} : { mode }) });
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}
