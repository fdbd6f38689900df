import { readSync, writeSync } from "node:fs";
import {
  open,
  mkdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  statfs,
  writeFile,
  type FileHandle,
} from "node:fs/promises";
import { isSystemError, WbError } from "../../errors/wb-error.ts";
import { writeRefused, writing } from "../../errors/write-refused.ts";

/** A file open for writing at positions. */
export interface OutputFile {
  readonly path: string;
  /** Writes all of `bytes` at `position`. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** As `write`, at once: for many small pieces in a row, where the way through the thread pool costs more than the call. */
  writeNow(bytes: Uint8Array, position: number): void;
  /** Fills `target` with what stands at `position`, at once; gives how many bytes there are, fewer at the file's end. */
  readNow(target: Uint8Array, position: number): number;
  /**
   * Makes the file as long as it will be, without content: a file that grows with each write costs the system, and threads that
   * write into it, an entry in its journal each time.
   */
  setSize(byteLength: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The calls by which a conversion changes a disk; tests put failing ones in their place. */
export interface FileSystem {
  /** Opens for writing and reading back. Creates the file; it must not exist ("wx+"), or must ("r+"). */
  openForWriting(path: string, flags: "wx+" | "r+"): Promise<OutputFile>;
  /** Creates a small file with its content on the disk. */
  writeSmall(path: string, content: string | Uint8Array): Promise<void>;
  /** Adds a line to a small file; makes the file where it is missing. */
  appendLine(path: string, line: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Removes a folder that holds nothing; leaves another as it is. */
  removeEmptyFolder(path: string): Promise<void>;
  /** Makes a rename in the folder last; not all systems can. */
  syncFolder(path: string): Promise<void>;
}

/** The real disk. Every failure becomes a WbError that names the path. */
export const REAL_FILE_SYSTEM: FileSystem = {
  openForWriting: async (path, flags) =>
    outputFile(path, await guarded(path, "created", () => open(path, flags, 0o666))),
  writeSmall: async (path, content) => {
    const handle = await guarded(path, "created", () => open(path, "wx", 0o666));
    const file = outputFile(path, handle);
    try {
      await file.write(typeof content === "string" ? Buffer.from(content, "utf8") : content, 0);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  appendLine: (path, line) =>
    guarded(path, "written", () => writeFile(path, `${line}\n`, { flag: "a" })),
  rename: (from, to) => guarded(to, "put in place", () => rename(from, to)),
  remove: (path) => guarded(path, "removed", () => rm(path, { recursive: true, force: true })),
  removeEmptyFolder: (path) =>
    guarded(path, "removed", async () => {
      try {
        await rmdir(path);
      } catch (error) {
        const code = isSystemError(error) ? error.code : undefined;
        if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
      }
    }),
  syncFolder: async (path) => {
    const handle = await guarded(path, "opened", () => open(path, "r"));
    try {
      await handle.sync();
    } catch (error) {
      // Windows and some network systems cannot sync a folder; the rename itself was done.
      if (!isSystemError(error) || !["EPERM", "EINVAL", "ENOTSUP"].includes(error.code ?? ""))
        throw error;
    } finally {
      await handle.close();
    }
  },
};

/**
 * Bytes after which what was written so far is sent to the disk, while more is being written: otherwise the system collects
 * gigabytes and the last flush waits for all of them.
 */
const FLUSH_BYTES = 64 * 2 ** 20;

/**
 * Bytes of one system call. For larger ones the page cache of current kernels takes larger folios, which costs up to five times
 * as much where they are scarce (measured on ext4: 2.9 GB in 1.4 s by 64 KiB, 1.9 s by 16 KiB, 1.7–2.4 s by 256 KiB, 5.6 s by 1 MiB).
 */
const WRITE_BYTES = 2 ** 16;

function outputFile(path: string, handle: FileHandle): OutputFile {
  let unflushed = 0;
  let flushing: Promise<void> | undefined;
  const flushEarly = (count: number): void => {
    unflushed += count;
    if (unflushed < FLUSH_BYTES || flushing !== undefined) return;
    unflushed = 0;
    // A failure shows itself again in the last flush, which is the one that counts.
    flushing = handle
      .datasync()
      .catch(() => undefined)
      .then(() => {
        flushing = undefined;
      });
  };
  return {
    path,
    write: (bytes, position) =>
      guarded(path, "written", async () => {
        flushEarly(bytes.byteLength);
        let done = 0;
        while (done < bytes.byteLength) {
          const { bytesWritten } = await handle.write(
            bytes,
            done,
            bytes.byteLength - done,
            position + done,
          );
          if (bytesWritten === 0)
            throw new WbError(
              "WB6002",
              `${path}: the system wrote 0 of ${bytes.byteLength - done} bytes`,
              { details: { path } },
            );
          done += bytesWritten;
        }
      }),
    writeNow: (bytes, position) => {
      flushEarly(bytes.byteLength);
      let done = 0;
      while (done < bytes.byteLength) {
        let count: number;
        try {
          const length = Math.min(WRITE_BYTES, bytes.byteLength - done);
          count = writeSync(handle.fd, bytes, done, length, position + done);
        } catch (error) {
          throw writeRefused(path, error, "could not be written");
        }
        if (count === 0)
          throw new WbError("WB6002", `${path}: 0 bytes could be written`, { details: { path } });
        done += count;
      }
    },
    readNow: (target, position) => {
      let filled = 0;
      while (filled < target.byteLength) {
        let count: number;
        try {
          const length = target.byteLength - filled;
          count = readSync(handle.fd, target, filled, length, position + filled);
        } catch (error) {
          throw writeRefused(path, error, "could not be read back");
        }
        if (count === 0) break;
        filled += count;
      }
      return filled;
    },
    setSize: (byteLength) => guarded(path, "made longer", () => handle.truncate(byteLength)),
    sync: () =>
      guarded(path, "flushed to the disk", async () => {
        await flushing;
        await handle.sync();
      }),
    close: () =>
      guarded(path, "closed", async () => {
        await flushing;
        await handle.close();
      }),
  };
}

/** Runs a system call and names the path in its failure. */
async function guarded<T>(path: string, what: string, work: () => Promise<T>): Promise<T> {
  return writing(path, work, `could not be ${what}`);
}

/** Free bytes of the file system that holds `folder`, for this user. */
export async function freeBytes(folder: string): Promise<number> {
  const facts = await guarded(folder, "asked for free space", () =>
    statfs(folder, { bigint: true }),
  );
  return Number(facts.bavail * facts.bsize);
}

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isSystemError(error) && (error.code === "ENOENT" || error.code === "ENOTDIR")) return false;
    throw new WbError("WB6002", `${path}: cannot be looked at`, {
      details: { path },
      cause: error,
    });
  }
}

export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isSystemError(error) && error.code === "ENOENT") return undefined;
    throw new WbError("WB6002", `${path}: cannot be read`, { details: { path }, cause: error });
  }
}

export function makeFolder(path: string): Promise<void> {
  return guarded(path, "created", async () => {
    await mkdir(path, { recursive: true });
  });
}
