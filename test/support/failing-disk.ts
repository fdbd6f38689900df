import {
  REAL_FILE_SYSTEM,
  type FileSystem,
  type OutputFile,
} from "../../src/convert/staging/file-system.ts";
import { WbError } from "../../src/errors/wb-error.ts";

export type DiskFailure = "ENOSPC" | "EDQUOT" | "EIO" | "EACCES";

/** A disk whose n-th change fails, and every one after it while it is full. */
export interface FailingDisk extends FileSystem {
  /** Changes asked for so far. */
  readonly changes: () => number;
}

/** @param failAt Number of the change that fails, from 0; Infinity for none. */
export function failingDisk(failAt: number, failure: DiskFailure = "ENOSPC"): FailingDisk {
  let changes = 0;
  const step = (path: string): void => {
    const isFailing = changes === failAt;
    changes++;
    if (!isFailing) return;
    const isFull = failure === "ENOSPC" || failure === "EDQUOT";
    throw new WbError(isFull ? "WB6001" : "WB6002", `${path}: could not be written (${failure})`, {
      details: { path },
    });
  };
  const wrapped = (file: OutputFile): OutputFile => ({
    path: file.path,
    write: async (bytes, position) => {
      step(file.path);
      await file.write(bytes, position);
    },
    writeNow: (bytes, position) => {
      step(file.path);
      file.writeNow(bytes, position);
    },
    readNow: (target, position) => file.readNow(target, position),
    setSize: async (byteLength) => {
      step(file.path);
      await file.setSize(byteLength);
    },
    sync: async () => {
      step(file.path);
      await file.sync();
    },
    close: () => file.close(),
  });
  return {
    changes: () => changes,
    openForWriting: async (path, flags) => {
      step(path);
      return wrapped(await REAL_FILE_SYSTEM.openForWriting(path, flags));
    },
    writeSmall: async (path, content) => {
      step(path);
      await REAL_FILE_SYSTEM.writeSmall(path, content);
    },
    appendLine: async (path, line) => {
      step(path);
      await REAL_FILE_SYSTEM.appendLine(path, line);
    },
    rename: async (from, to) => {
      step(to);
      await REAL_FILE_SYSTEM.rename(from, to);
    },
    syncFolder: async (path) => {
      step(path);
      await REAL_FILE_SYSTEM.syncFolder(path);
    },
    remove: (path) => REAL_FILE_SYSTEM.remove(path),
    removeEmptyFolder: (path) => REAL_FILE_SYSTEM.removeEmptyFolder(path),
  };
}
