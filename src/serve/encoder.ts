import { Worker } from "node:worker_threads";
import { receivedError, type PlainError } from "../errors/wb-error.ts";
import type { ChatMessage, TemplateVariables } from "../runtime/chat/message.ts";
import type { TokenizerForm } from "../runtime/tokenizer/tokenizer-form.ts";
import { jsonTextOf } from "../runtime/chat/python-json.ts";
import { encodeJob, type EncodeJob, type EncodeModel } from "./encode-job.ts";
import { Problem } from "./problem.ts";

/** Turns prompts into token ids without holding the event loop up. */
export interface Encoder {
  /** @param isBare Without the ids that the tokenizer's settings put before and behind. */
  text(text: string, isBare?: boolean): Promise<readonly number[]>;
  chat(messages: readonly ChatMessage[], variables: TemplateVariables): Promise<readonly number[]>;
  close(): Promise<void>;
}

/** UTF-16 units of a text that is encoded at once: that takes a few milliseconds. */
const SHORT_TEXT = 4096;

/** Units of a prompt behind which the thread ends, and gives the memory back that it took. */
const LONG_TEXT = 2 ** 18;

/** This module's own name says whether it was compiled; a worker cannot be started from the sources. */
const COMPILED = import.meta.url.endsWith(".js");

/**
 * An encoder with a thread of its own, started when it is first needed; a template is always rendered there.
 * @param path The model, which the thread opens the tokenizer of.
 */
export function openEncoder(
  model: EncodeModel,
  path: string,
  { template, form, context }: Omit<ThreadData, "path">,
  ownThread = COMPILED,
): Encoder {
  const thread = ownThread ? new EncodingThread({ path, template, form, context }) : undefined;
  const run = (job: EncodeJob, units: number): Promise<readonly number[]> => {
    if (thread === undefined || (job.kind === "text" && units <= SHORT_TEXT))
      return Promise.resolve().then(() => encodeJob(model, job));
    return thread.run(job, units);
  };
  return {
    text: (text, isBare = false) => run({ kind: "text", text, isBare }, text.length),
    chat: (messages, variables) =>
      run({ kind: "chat", messages, variables }, jsonTextOf(messages).length),
    close: async () => thread?.close(),
  };
}

/** What the thread tells of a job. */
export type EncodeReply = { readonly id: number } & (
  | { readonly kind: "ids"; readonly ids: Int32Array }
  /** The prompt is longer than the context. */
  | { readonly kind: "tooLong"; readonly count: number }
  | { readonly kind: "failed"; readonly error: PlainError }
  /** A failure that is no WbError, which is told as the fault that it is. */
  | { readonly kind: "broken"; readonly reason: string }
);

/** What the thread is started with. */
interface ThreadData {
  readonly path: string;
  readonly template: string | undefined;
  /** Which class LLaMA's SentencePiece model is read as. */
  readonly form: TokenizerForm | undefined;
  /** Tokens of a prompt at most; longer ones are refused there. */
  readonly context: number;
}

interface Waiting {
  resolve(ids: readonly number[]): void;
  reject(error: unknown): void;
}

class EncodingThread {
  readonly #data: ThreadData;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #asked = 0;
  #isWorn = false;

  constructor(data: ThreadData) {
    this.#data = data;
  }

  run(job: EncodeJob, units: number): Promise<readonly number[]> {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    this.#isWorn ||= units > LONG_TEXT;
    const id = this.#asked++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, job });
    });
  }

  #start(): Worker {
    const worker = new Worker(new URL("./encoding-worker.js", import.meta.url), {
      workerData: this.#data,
      // Of its own: neither what a prompt takes nor how deep it goes is the server's.
      resourceLimits: { maxOldGenerationSizeMb: 1024 },
    });
    worker.unref();
    worker.on("message", (reply: EncodeReply) => this.#answer(worker, reply));
    worker.on("error", (error) => this.#fail(worker, error));
    worker.on("exit", () => this.#fail(worker, undefined));
    return worker;
  }

  #answer(worker: Worker, reply: EncodeReply): void {
    const waiter = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    switch (reply.kind) {
      case "ids":
        waiter?.resolve(Array.from(reply.ids));
        break;
      case "tooLong":
        waiter?.reject(
          new Problem(
            400,
            `the model's context is ${this.#data.context} tokens: the prompt has ${reply.count}`,
            { param: "prompt", code: "context_length_exceeded" },
          ),
        );
        break;
      case "failed":
        waiter?.reject(receivedError(reply.error));
        break;
      case "broken":
        waiter?.reject(new Error(reply.reason));
        break;
      default:
        reply satisfies never;
    }
    if (this.#waiting.size > 0) return;
    worker.unref();
    // It kept what the longest prompt took: the next one comes to a fresh thread.
    if (this.#isWorn) {
      this.#isWorn = false;
      this.#worker = undefined;
      void worker.terminate();
    }
  }

  #fail(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const waiter of this.#waiting.values())
      waiter.reject(
        new Problem(400, "the prompt took more memory than encoding may take", {
          param: "prompt",
          code: "prompt_too_large",
          cause: error,
        }),
      );
    this.#waiting.clear();
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}
