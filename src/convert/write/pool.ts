import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { receivedError, WbError } from "../../errors/wb-error.ts";
import { BUFFER_BYTES } from "../../mapping/buffer-ring.ts";
import { fileBytes } from "../../formats/file-plan.ts";
import type { OutputPlan } from "../output-tensor.ts";
import type { ConvertSettings } from "../settings.ts";
import { REAL_FILE_SYSTEM } from "../staging/file-system.ts";
import type { WriteReply, WriteRequest } from "./message.ts";
import type { Writing, WrittenTensor } from "./tensor.ts";

/** Threads at most: hashing needs a core for each 2 GB/s, and few disks take more than four give. */
const MOST_THREADS = 4;

/** This module's own name says whether it was compiled; a worker cannot be started from the sources. */
const COMPILED = import.meta.url.endsWith(".js");

/** Told of the bytes of one tensor as they are written and read back. */
type WriteObserver = Pick<Writing, "onBytes" | "onVerified">;

/** Writes tensors in threads of its own, each tensor whole in one of them. */
export interface WritePool {
  /** As many as may be asked for at once; more wait their turn. */
  readonly threads: number;
  /** @throws WbError as `writeTensor`. */
  write(request: Omit<WriteRequest, "id">, observer: WriteObserver): Promise<WrittenTensor>;
  /** Ends the threads at once, whatever they are doing. */
  close(): Promise<void>;
}

/** Below this, starting threads takes longer than what they would save. */
const LEAST_BYTES = 16 * 2 ** 20;

/**
 * A pool for files to be written, or undefined where one thread has to do: one core, few bytes, or not compiled. It is closed by
 * the signal, too.
 */
export function openWritePool(
  files: readonly OutputPlan[],
  { fileSystem, signal }: Pick<ConvertSettings, "fileSystem" | "signal">,
): WritePool | undefined {
  const threads = Math.min(MOST_THREADS, availableParallelism());
  const bytes = files.reduce((sum, file) => sum + fileBytes(file), 0);
  if (!COMPILED || threads < 2 || bytes < LEAST_BYTES) return undefined;
  // Tests put other disks in the place of the real one, which is the only one that threads know.
  if (fileSystem !== REAL_FILE_SYSTEM) return undefined;
  const pool = Array.from(
    { length: threads },
    () => new WriteThread(Math.floor(BUFFER_BYTES / threads)),
  );
  const idle = [...pool];
  let isClosed = false;
  const waiting: ((thread: WriteThread) => void)[] = [];
  const close = async (): Promise<void> => {
    isClosed = true;
    signal?.removeEventListener("abort", stop);
    await Promise.all(pool.map((thread) => thread.close()));
  };
  const stop = (): void => void close();
  signal?.addEventListener("abort", stop);
  return {
    threads,
    write: async (request, observer) => {
      const thread =
        idle.pop() ?? (await new Promise<WriteThread>((resolve) => waiting.push(resolve)));
      try {
        // A thread that has ended answers nothing, and would be waited for in vain.
        if (isClosed) throw stopped();
        const answer = thread.expect(observer, request.job.name);
        thread.worker.postMessage({ id: thread.asked, ...request } satisfies WriteRequest);
        return await answer;
      } finally {
        thread.rest();
        const next = waiting.shift();
        if (next === undefined) idle.push(thread);
        else next(thread);
      }
    },
    close,
  };
}

function stopped(): WbError {
  return new WbError("WB9001", "the conversion was stopped");
}

/** The request that a thread works on. */
interface Waiter extends WriteObserver {
  readonly tensor: string;
  resolve(outcome: WrittenTensor): void;
  reject(error: unknown): void;
}

/** A thread that works on one request at a time. */
class WriteThread {
  readonly worker: Worker;
  /** The request that it was asked last. */
  asked = 0;
  #waiter: Waiter | undefined;

  constructor(bufferBytes: number) {
    this.worker = new Worker(new URL("./worker.js", import.meta.url), { workerData: bufferBytes });
    this.worker.unref();
    this.worker.on("message", (reply: WriteReply) => this.#hear(reply));
    this.worker.on("error", (error) =>
      this.#waiter?.reject(new WbError("WB7001", error.message, { cause: error })),
    );
    this.worker.on("exit", () => this.#waiter?.reject(stopped()));
  }

  /** The answer to the request that is sent next. */
  expect({ onBytes, onVerified }: WriteObserver, tensor: string): Promise<WrittenTensor> {
    // Only a thread that owes an answer keeps the process alive.
    this.worker.ref();
    this.asked++;
    return new Promise((resolve, reject) => {
      this.#waiter = { tensor, onBytes, onVerified, resolve, reject };
    });
  }

  /** It owes nothing any more. */
  rest(): void {
    this.worker.unref();
    this.#waiter = undefined;
  }

  async close(): Promise<void> {
    // Without a thread that counts, Node would end before this one has, and leave the caller waiting.
    this.worker.ref();
    await this.worker.terminate();
  }

  #hear(reply: WriteReply): void {
    const waiter = this.#waiter;
    if (waiter === undefined || reply.id !== this.asked) return;
    switch (reply.kind) {
      case "bytes":
        waiter.onBytes(reply.count, waiter.tensor);
        break;
      case "verified":
        waiter.onVerified(reply.count, waiter.tensor);
        break;
      case "done":
        waiter.resolve(reply.outcome);
        break;
      case "failed":
        waiter.reject(receivedError(reply.error));
        break;
      default:
        reply satisfies never;
    }
  }
}
