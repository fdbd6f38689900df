import { constants, readSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { isSystemError, WbError } from "../errors/wb-error.ts";
import { sourceRecords, type ByteSource } from "../tensor/byte-source.ts";

/** A file as a byte source; `close` gives its handle back. */
export interface FileSource extends ByteSource {
  close(): Promise<void>;
}

/** A read that takes less time than asking another thread for it; headers of archives are read by ten thousands of them. */
const SHORT_BYTES = 4096;
/** Short reads of which one is asked for elsewhere all the same, so that signals have their turn. */
const TURN_READS = 64;

/** Opens a regular file for positional reads; a FIFO or a device is refused without blocking. */
export async function openFileSource(path: string): Promise<FileSource> {
  const handle = await openForReading(path);
  try {
    const facts = await handle.stat({ bigint: true });
    if (!facts.isFile()) {
      throw new WbError("WB3002", `${path}: expected a regular file, found ${kindOf(facts)}`, {
        details: { path, found: kindOf(facts) },
      });
    }
    const byteLength = Number(facts.size);
    let inARow = 0;
    const isShort = (length: number): boolean =>
      length <= SHORT_BYTES && ++inARow % TURN_READS !== 0;
    const source: FileSource = {
      label: path,
      byteLength,
      fileRange: { path, begin: 0 },
      read: (begin, length) => readNew(source, begin, length),
      readInto: (begin, target) =>
        isShort(target.byteLength)
          ? settle(() => {
              readFullyNow(handle.fd, path, byteLength, begin, target);
            })
          : readFully(handle, path, byteLength, begin, target),
      readNow: (begin, target) => {
        readFullyNow(handle.fd, path, byteLength, begin, target);
      },
      // A second close is harmless: an error path may close once more.
      close: async () => {
        if (handle.fd >= 0) await handle.close();
      },
    };
    return source;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openForReading(path: string): Promise<FileHandle> {
  try {
    // O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw pathError(path, "file", "opened", error);
  }
}

/** The error of a path that leads nowhere, or that the system refuses. */
export function pathError(
  path: string,
  what: string,
  done: string,
  error: NodeJS.ErrnoException,
): WbError {
  switch (error.code) {
    case "ENOENT":
    case "ENOTDIR":
    case "ENAMETOOLONG":
      return new WbError("WB3001", `${path}: no such ${what}`, { details: { path }, cause: error });
    case "ELOOP":
      return new WbError("WB3009", `${path}: its links lead in a circle`, {
        details: { path },
        cause: error,
      });
    default:
      return new WbError("WB6002", `${path}: cannot be ${done} (${error.code ?? error.message})`, {
        details: { path },
        cause: error,
      });
  }
}

function kindOf(facts: { isDirectory(): boolean; isFIFO(): boolean; isSocket(): boolean }): string {
  if (facts.isDirectory()) return "a folder";
  if (facts.isFIFO()) return "a FIFO";
  return facts.isSocket() ? "a socket" : "a device";
}

/** Node reads at most 2^31 − 1 bytes a call, and fewer whenever the system likes. */
const MAX_READ_BYTES = 2 ** 30;

async function readFully(
  handle: FileHandle,
  label: string,
  byteLength: number,
  begin: number,
  target: Uint8Array,
): Promise<void> {
  checkRange(label, byteLength, begin, target.byteLength);
  let filled = 0;
  while (filled < target.byteLength) {
    let bytesRead: number;
    try {
      const length = Math.min(target.byteLength - filled, MAX_READ_BYTES);
      ({ bytesRead } = await handle.read(target, filled, length, begin + filled));
    } catch (error) {
      throw readFailed(label, begin, target, error);
    }
    if (bytesRead === 0) throw shrank(label, begin, target, filled);
    filled += bytesRead;
  }
}

function readFullyNow(
  descriptor: number,
  label: string,
  byteLength: number,
  begin: number,
  target: Uint8Array,
): void {
  checkRange(label, byteLength, begin, target.byteLength);
  let filled = 0;
  while (filled < target.byteLength) {
    let bytesRead: number;
    try {
      const length = Math.min(target.byteLength - filled, MAX_READ_BYTES);
      bytesRead = readSync(descriptor, target, filled, length, begin + filled);
    } catch (error) {
      throw readFailed(label, begin, target, error);
    }
    if (bytesRead === 0) throw shrank(label, begin, target, filled);
    filled += bytesRead;
  }
}

function readFailed(label: string, begin: number, target: Uint8Array, cause: unknown): WbError {
  return new WbError("WB6002", `${label}: reading ${target.byteLength} bytes at ${begin} failed`, {
    details: { path: label },
    cause,
  });
}

function shrank(label: string, begin: number, target: Uint8Array, filled: number): WbError {
  return new WbError(
    "WB3003",
    `${label}: expected ${target.byteLength} bytes at ${begin}, found ${filled}; the file shrank while it was read`,
    { details: { path: label, begin, length: target.byteLength } },
  );
}

/** Bytes in memory as a source. */
export function memorySource(bytes: Uint8Array, label: string): ByteSource {
  const source: ByteSource = {
    label,
    byteLength: bytes.byteLength,
    read: (begin, length) => readNew(source, begin, length),
    readInto: (begin, target) =>
      settle(() => {
        checkRange(label, bytes.byteLength, begin, target.byteLength);
        target.set(bytes.subarray(begin, begin + target.byteLength));
      }),
  };
  return source;
}

/** A range of another source. */
export function sliceSource(
  parent: ByteSource,
  begin: number,
  byteLength: number,
  label = parent.label,
): ByteSource {
  checkRange(label, parent.byteLength, begin, byteLength);
  const range = parent.fileRange;
  const readNow = parent.readNow?.bind(parent);
  const source: ByteSource = {
    label,
    byteLength,
    ...(readNow === undefined
      ? {}
      : {
          readNow: (offset: number, target: Uint8Array): void => {
            checkRange(label, byteLength, offset, target.byteLength);
            readNow(begin + offset, target);
          },
        }),
    record: parent.record,
    records: parent.records,
    fileRange: range === undefined ? undefined : { path: range.path, begin: range.begin + begin },
    read: (offset, length) => readNew(source, offset, length),
    readInto: async (offset, target) => {
      checkRange(label, byteLength, offset, target.byteLength);
      await parent.readInto(begin + offset, target);
    },
  };
  return source;
}

/** Several sources, one after another, as one. */
export function concatSource(parts: readonly ByteSource[], label: string): ByteSource {
  const begins: number[] = [];
  let byteLength = 0;
  for (const part of parts) {
    begins.push(byteLength);
    byteLength += part.byteLength;
  }
  const total = byteLength;
  const source: ByteSource = {
    label,
    byteLength: total,
    records: parts.flatMap(sourceRecords),
    read: (begin, length) => readNew(source, begin, length),
    readInto: async (begin, target) => {
      checkRange(label, total, begin, target.byteLength);
      const end = begin + target.byteLength;
      for (const [index, part] of parts.entries()) {
        const partBegin = begins[index] ?? 0;
        const from = Math.max(begin, partBegin);
        const to = Math.min(end, partBegin + part.byteLength);
        if (from < to)
          await part.readInto(from - partBegin, target.subarray(from - begin, to - begin));
      }
    },
  };
  return source;
}

/** Throws WB3003 unless `length` bytes at `begin` are inside `byteLength`. */
export function checkRange(label: string, byteLength: number, begin: number, length: number): void {
  if (begin < 0 || length < 0 || begin + length > byteLength) {
    throw new WbError(
      "WB3003",
      `${label}: expected ${length} bytes at ${begin}, but there are only ${byteLength} bytes in all`,
      { details: { path: label, begin, length, byteLength } },
    );
  }
}

/** A new buffer, filled by `readInto`; the range is checked before anything is allocated. */
export async function readNew(
  source: ByteSource,
  begin: number,
  length: number,
): Promise<Uint8Array> {
  checkRange(source.label, source.byteLength, begin, length);
  const bytes = new Uint8Array(length);
  await source.readInto(begin, bytes);
  return bytes;
}

/** Runs `work` at once and gives its outcome as a promise. */
async function settle(work: () => void): Promise<void> {
  await Promise.resolve();
  work();
}
