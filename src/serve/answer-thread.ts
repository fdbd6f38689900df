import { Worker } from "node:worker_threads";
import { plainError, receivedError, WbError } from "../errors/wb-error.ts";
import type { AnswerStep } from "./answer.ts";
import type { AnswerNews, AnswerPart, AnswerQuestion, SentOptions } from "./answer-messages.ts";
import type { Answers, AnswersOptions, ModelFacts } from "./answers.ts";
import type { TokenChoice } from "./token-logprobs.ts";

/**
 * Opens a model in a thread of its own. @throws WbError as `openAnswers`; WB7001 where the thread ends by itself.
 */
export async function openThreadAnswers(
  path: string,
  { signal, onLoad, ...options }: AnswersOptions,
): Promise<Answers> {
  signal?.throwIfAborted();
  const worker = new Worker(new URL("./answering-worker.js", import.meta.url));
  const leave = (): void => void worker.terminate();
  signal?.addEventListener("abort", leave, { once: true });
  try {
    const thread = new AnswerThread(worker);
    const facts = await thread.open(path, plain(options), onLoad);
    return {
      facts,
      answer: (request) => thread.answer(request),
      score: (prompt, top, ending) => thread.score(prompt, top, ending),
      close: () => thread.close(),
    };
  } catch (error) {
    await worker.terminate();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", leave);
  }
}

/** The settings alone: callers hand on more than is asked for, and not all of it can be sent. */
function plain({
  device,
  compute,
  activations,
  maxMemory,
  sourceLayout,
  verbose,
  context,
  batch,
}: SentOptions): SentOptions {
  return { device, compute, activations, maxMemory, sourceLayout, verbose, context, batch };
}

/** What came of a question, in order, until it ends. */
class Parts {
  readonly #parts: AnswerPart[] = [];
  #isOver = false;
  #wake: () => void = () => undefined;

  push(part: AnswerPart): void {
    this.#parts.push(part);
    this.#isOver ||= part.kind === "end";
    this.#wake();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  async next(): Promise<AnswerPart> {
    for (;;) {
      const part = this.#parts.shift();
      if (part !== undefined) return part;
      await this.#change();
    }
  }

  /** Ends when the thread has let go of it. */
  async over(): Promise<void> {
    while (!this.#isOver) await this.#change();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

class AnswerThread {
  readonly #worker: Worker;
  readonly #asked = new Map<number, Parts>();
  readonly #exited: Promise<void>;
  #count = 0;
  /** Why nothing can be asked any more. */
  #failure: WbError | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.on("message", (news: AnswerNews) => {
      if ("id" in news) this.#asked.get(news.id)?.push(news);
    });
    worker.on("error", (error) =>
      this.#fail(error instanceof Error ? error.message : String(error)),
    );
    this.#exited = new Promise((resolve) => {
      worker.on("exit", () => {
        this.#fail("it ended");
        resolve();
      });
    });
  }

  /** What is known of the model once it is loaded. */
  open(path: string, options: SentOptions, onLoad: AnswersOptions["onLoad"]): Promise<ModelFacts> {
    this.#tell({ kind: "open", path, options });
    return new Promise((resolve, reject) => {
      this.#worker.on("message", (news: AnswerNews) => {
        if (news.kind === "loading") onLoad?.(news.done, news.total);
        else if (news.kind === "ready") resolve(news.facts);
        else if (news.kind === "refused") reject(receivedError(news.error));
      });
      void this.#exited.then(() => reject(this.#failure));
    });
  }

  async *answer({
    signal,
    ...request
  }: Parameters<Answers["answer"]>[0]): AsyncGenerator<AnswerStep, void, undefined> {
    for await (const part of this.#ask((id) => ({ kind: "answer", id, request }), signal))
      if (part.kind === "step") yield part.step;
  }

  async score(
    prompt: readonly number[],
    top: number,
    signal: AbortSignal,
  ): Promise<readonly (TokenChoice | undefined)[]> {
    let choices: readonly (TokenChoice | undefined)[] = [];
    for await (const part of this.#ask((id) => ({ kind: "score", id, prompt, top }), signal))
      if (part.kind === "scores") choices = part.choices;
    return choices;
  }

  /** Asks, and gives what comes; over only when the thread has nothing of it any more. @throws WbError; the signal's reason. */
  async *#ask(
    question: (id: number) => AnswerQuestion,
    signal: AbortSignal,
  ): AsyncGenerator<AnswerPart, void, undefined> {
    signal.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
    const id = this.#count++;
    const parts = new Parts();
    const leave = (): void => this.#tell({ kind: "leave", id });
    this.#asked.set(id, parts);
    signal.addEventListener("abort", leave, { once: true });
    this.#tell(question(id));
    try {
      for (;;) {
        const part = await parts.next();
        signal.throwIfAborted();
        if (part.kind !== "end") yield part;
        else if (part.error === undefined) return;
        else throw receivedError(part.error);
      }
    } finally {
      signal.removeEventListener("abort", leave);
      if (!parts.isOver) leave();
      // The next one may need the room that this one has.
      await parts.over();
      this.#asked.delete(id);
    }
  }

  async close(): Promise<void> {
    if (this.#failure === undefined) this.#tell({ kind: "close" });
    await this.#exited;
  }

  #tell(question: AnswerQuestion): void {
    this.#worker.postMessage(question);
  }

  #fail(reason: string): void {
    this.#failure ??= new WbError("WB7001", `the model's thread broke off: ${reason}`);
    const error = plainError(this.#failure);
    for (const [id, parts] of this.#asked)
      if (!parts.isOver) parts.push({ kind: "end", id, error });
  }
}
