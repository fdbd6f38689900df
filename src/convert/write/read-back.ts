import { createHash } from "node:crypto";
import { Worker } from "node:worker_threads";
import { crc32 } from "node:zlib";
import { openFileSource } from "../../sources/file.ts";
import { WbError } from "../../errors/wb-error.ts";
import { READ_BYTES, toDigest } from "./read-back-message.ts";

/** Digests of a range of a file as it is on the disk. */
export interface RangeDigest {
  readonly sha256: string;
  /** 0 where it was not asked for. */
  readonly crc32: number;
}

/** Reads ranges of one file again, in the order in which they are asked for. */
export interface ReadBack {
  /** @throws WbError WB6002 for a range that cannot be read. */
  digest(begin: number, end: number, needsCrc32: boolean): Promise<RangeDigest>;
  close(): Promise<void>;
}

/** This module's own name says whether it was compiled; a worker cannot be started from the sources. */
const COMPILED = import.meta.url.endsWith(".js");

/** A reader of its own thread; where workers cannot be started, it reads in this one. */
export function startReadBack(path: string, ownThread = COMPILED): ReadBack {
  return ownThread ? inWorker(path) : inThisThread(path);
}

interface Waiting {
  resolve(digest: RangeDigest): void;
  reject(error: unknown): void;
}

function inWorker(path: string): ReadBack {
  const worker = new Worker(new URL("./read-back-worker.js", import.meta.url), {
    workerData: path,
  });
  const waiting = new Map<number, Waiting>();
  let asked = 0;
  let isClosing = false;
  worker.unref();
  worker.on("message", (message: unknown) => {
    const digest = toDigest(message);
    const waiter = waiting.get(digest?.id ?? -1);
    if (digest === undefined || waiter === undefined) return;
    waiting.delete(digest.id);
    // While it ends it must keep the process alive, or nobody is left to hear that it has ended.
    if (waiting.size === 0 && !isClosing) worker.unref();
    if ("failure" in digest) waiter.reject(unreadable(path, digest.failure));
    else waiter.resolve(digest);
  });
  worker.on("error", (error) => {
    for (const waiter of waiting.values()) waiter.reject(unreadable(path, error.message, error));
    waiting.clear();
  });
  return {
    digest: (begin, end, needsCrc32) =>
      new Promise((resolve, reject) => {
        const id = asked;
        asked++;
        waiting.set(id, { resolve, reject });
        // Only a worker that owes an answer keeps the process alive.
        worker.ref();
        worker.postMessage({ id, begin, end, needsCrc32 });
      }),
    close: async () => {
      isClosing = true;
      await worker.terminate();
    },
  };
}

function unreadable(path: string, why: string, cause?: unknown): WbError {
  return new WbError("WB6002", `${path}: cannot be read back: ${why}`, {
    details: { path },
    cause,
  });
}

function inThisThread(path: string): ReadBack {
  let last: Promise<unknown> = Promise.resolve();
  return {
    digest: (begin, end, needsCrc32) => {
      const mine = last.then(() => digestHere(path, begin, end, needsCrc32));
      last = mine.catch(() => undefined);
      return mine;
    },
    close: async () => {
      await last;
    },
  };
}

async function digestHere(
  path: string,
  begin: number,
  end: number,
  needsCrc32: boolean,
): Promise<RangeDigest> {
  const source = await openFileSource(path);
  try {
    const buffer = new Uint8Array(Math.min(READ_BYTES, end - begin));
    const hash = createHash("sha256");
    let checksum = 0;
    for (let at = begin; at < end; at += READ_BYTES) {
      const chunk = buffer.subarray(0, Math.min(READ_BYTES, end - at));
      await source.readInto(at, chunk);
      hash.update(chunk);
      if (needsCrc32) checksum = crc32(chunk, checksum);
    }
    return { sha256: hash.digest("hex"), crc32: checksum };
  } finally {
    await source.close();
  }
}
