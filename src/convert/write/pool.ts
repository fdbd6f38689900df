import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { receivedError, WbError } from "../../errors/wb-error.ts";
import { BUFFER_BYTES } from "../../mapping/buffer-ring.ts";
import { fileBytes } from "../../formats/file-plan.ts";
import type { OutputPlan } from "../output-tensor.ts";
import { REAL_FILE_SYSTEM, type FileSystem } from "../staging/file-system.ts";
import type { WriteReply, WriteRequest } from "./message.ts";
import type { WrittenTensor } from "./tensor.ts";

/** Threads at most: hashing needs a core for each 2 GB/s, and few disks take more than four give. */
const MOST_THREADS = 4;

/** This module's own name says whether it was compiled; a worker cannot be started from the sources. */
const COMPILED = import.meta.url.endsWith(".js");

/** Told of the bytes of one tensor as they are written and read back. */
export interface WriteObserver {
  onBytes(count: number): void;
  onVerified(count: number): void;
}

/** Writes tensors in threads of its own, each tensor whole in one of them. */
export interface WritePool {
  /** As many as may be asked for at once; more wait their turn. */
  readonly threads: number;
  /** @throws WbError as `writeChecked`. */
  write(request: Omit<WriteRequest, "id">, observer: WriteObserver): Promise<WrittenTensor>;
  /** Ends the threads at once, whatever they are doing. */
  close(): Promise<void>;
}

export interface PoolOptions {
  readonly files: readonly OutputPlan[];
  readonly fileSystem: FileSystem;
  readonly signal?: AbortSignal | undefined;
}

/** Does `work` with a pool for what it writes, where one is of use; its threads have ended when this does, however it ends. */
export async function withWritePool(
  { files, fileSystem, signal }: PoolOptions,
  work: (pool: WritePool | undefined) => Promise<void>,
): Promise<void> {
  const bytes = files.reduce((sum, file) => sum + fileBytes(file), 0);
  // Tests put other disks in the place of the real one, which is the only one that threads know.
  const pool = fileSystem === REAL_FILE_SYSTEM ? startWritePool(bytes) : undefined;
  const stop = (): void => void pool?.close();
  signal?.addEventListener("abort", stop);
  try {
    await work(pool);
  } catch (error) {
    // A thread that was stopped knows no reason.
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
    await pool?.close();
  }
}

/** A pool for tensors to be written, or undefined where one thread has to do: one core, few bytes, or not compiled. */
function startWritePool(byteLength: number): WritePool | undefined {
  const threads = Math.min(MOST_THREADS, availableParallelism());
  if (!COMPILED || threads < 2 || byteLength < LEAST_BYTES) return undefined;
  const pool = Array.from({ length: threads }, () =>
    startThread(Math.floor(BUFFER_BYTES / threads)),
  );
  const idle = [...pool];
  let isClosed = false;
  const waiting: ((thread: Thread) => void)[] = [];
  const take = (): Promise<Thread> => {
    const thread = idle.pop();
    if (thread !== undefined) return Promise.resolve(thread);
    return new Promise((resolve) => {
      waiting.push(resolve);
    });
  };
  const give = (thread: Thread): void => {
    const next = waiting.shift();
    if (next === undefined) idle.push(thread);
    else next(thread);
  };
  return {
    threads,
    write: async (request, observer) => {
      const thread = await take();
      try {
        // A thread that has ended answers nothing, and would be waited for in vain.
        if (isClosed) throw stopped();
        return await thread.write(request, observer);
      } finally {
        give(thread);
      }
    },
    close: async () => {
      isClosed = true;
      await Promise.all(pool.map((thread) => thread.close()));
    },
  };
}

/** Below this, starting threads takes longer than what they would save. */
const LEAST_BYTES = 16 * 2 ** 20;

function stopped(): WbError {
  return new WbError("WB9001", "the conversion was stopped");
}

interface Thread {
  write(request: Omit<WriteRequest, "id">, observer: WriteObserver): Promise<WrittenTensor>;
  close(): Promise<void>;
}

/** A thread that works on one request at a time. */
function startThread(bufferBytes: number): Thread {
  const worker = new Worker(new URL("./worker.js", import.meta.url), {
    workerData: bufferBytes,
  });
  let count = 0;
  let current: ((reply: WriteReply) => void) | undefined;
  let fail: ((error: unknown) => void) | undefined;
  worker.unref();
  worker.on("message", (reply: WriteReply) => current?.(reply));
  worker.on("error", (error) => fail?.(new WbError("WB7001", error.message, { cause: error })));
  worker.on("exit", () => fail?.(stopped()));
  return {
    write: async (request, observer) => {
      const id = count;
      count++;
      // Only a thread that owes an answer keeps the process alive.
      worker.ref();
      try {
        return await new Promise<WrittenTensor>((resolve, reject) => {
          fail = reject;
          current = (reply) => {
            if (reply.id !== id) return;
            switch (reply.kind) {
              case "bytes":
                observer.onBytes(reply.count);
                break;
              case "verified":
                observer.onVerified(reply.count);
                break;
              case "done":
                resolve(reply.outcome);
                break;
              case "failed":
                reject(receivedError(reply.error));
                break;
              default:
                reply satisfies never;
            }
          };
          worker.postMessage({ id, ...request } satisfies WriteRequest);
        });
      } finally {
        worker.unref();
        current = undefined;
        fail = undefined;
      }
    },
    close: async () => {
      // Without a thread that counts, Node would end before this one has, and what waits here would wait for ever.
      worker.ref();
      await worker.terminate();
    },
  };
}
