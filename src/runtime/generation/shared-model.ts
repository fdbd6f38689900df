import { setImmediate } from "node:timers/promises";
import { WbError } from "../../errors/wb-error.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import { lengthWithOneTable } from "../../model/config/rope.ts";
import type { StepInput, TokenCache, TokenModel } from "../model/token-model.ts";

/** Turns of the event loop that a batch waits for texts that are choosing their next token. */
const MOST_TURNS = 16;

/** Tokens of a prompt that pass before running texts get their next token: a few times what a batch of texts takes. */
const PROMPT_PART = 128;

/** A step that waits for its turn. */
interface Job {
  readonly cache: SharedCache;
  readonly input: StepInput;
  resolve(logits: readonly Float32Array[]): void;
  reject(error: unknown): void;
}

/**
 * A model that several texts are generated from at the same time, each by its own loop of steps as if it were alone. Steps that come
 * together are computed in one pass over the weights; a new text's prompt passes part by part between the running texts' tokens.
 */
export class SharedModel implements TokenModel {
  readonly config: ModelConfig;
  readonly keepsRows: boolean;
  readonly #model: TokenModel;
  readonly #texts = new Set<SharedCache>();
  readonly #tokens: Job[] = [];
  readonly #prompts: Job[] = [];
  readonly #works: (() => Promise<void>)[] = [];
  readonly #promptPart: number;
  #isRunning = false;

  constructor(model: TokenModel, promptPart = PROMPT_PART) {
    this.#model = model;
    this.#promptPart = promptPart;
    this.config = model.config;
    this.keepsRows = model.keepsRows;
  }

  checkIds(ids: Iterable<number>): void {
    this.#model.checkIds(ids);
  }

  createCache(batch: number): SharedCache {
    const cache = new SharedCache(this.#model.createCache(batch), () => this.#texts.delete(cache));
    this.#texts.add(cache);
    return cache;
  }

  step(input: StepInput, cache: SharedCache): Promise<readonly Float32Array[]> {
    cache.isChoosing = false;
    return new Promise((resolve, reject) => {
      const [row, ...others] = input.ids;
      const isToken = row?.length === 1 && others.length === 0 && cache.length > 0;
      (isToken ? this.#tokens : this.#prompts).push({ cache, input, resolve, reject });
      this.#start();
    });
  }

  /** Does other work on the model, between two steps. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#works.push(() => work().then(resolve, reject));
      this.#start();
    });
  }

  #start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#run();
  }

  /** Never fails: what fails is told to those who wait for it. */
  async #run(): Promise<void> {
    while (this.#tokens.length + this.#prompts.length + this.#works.length > 0) {
      await this.#gather();
      await this.#stepTokens(this.#tokens.splice(0));
      const prompt = this.#prompts.shift();
      if (prompt !== undefined) await this.#stepPrompt(prompt);
      await this.#works.shift()?.();
    }
    this.#isRunning = false;
  }

  /** Waits for those that were given logits and choose now: in the next batch, they cost next to nothing. */
  async #gather(): Promise<void> {
    for (let turn = 0; turn < MOST_TURNS; turn++) {
      if (![...this.#texts].some(({ isChoosing }) => isChoosing)) return;
      await setImmediate();
    }
  }

  async #stepTokens(jobs: readonly Job[]): Promise<void> {
    const wanted = jobs.filter((job) => !isOver(job));
    if (!this.keepsRows || wanted.length < 2) {
      for (const job of wanted) await this.#stepAlone(job, job.input);
      return;
    }
    try {
      const logits = await this.#model.stepEach?.(
        wanted.map(({ input, cache }) => ({ id: input.ids[0]?.[0] ?? -1, cache: cache.own })),
      );
      for (const [index, job] of wanted.entries()) {
        const row = logits?.[index];
        if (row === undefined) throw new WbError("WB7001", "a step without logits");
        give(job, [row]);
      }
    } catch (error) {
      for (const job of wanted) job.reject(error);
    }
  }

  /** The next part of a prompt; the rest waits for the running texts' next tokens. */
  async #stepPrompt(job: Job): Promise<void> {
    if (isOver(job)) return;
    const { input, cache } = job;
    const count = input.ids[0]?.length ?? 0;
    if (count <= this.#promptPart || !this.#goesInParts(input)) return this.#stepAlone(job, input);
    try {
      await this.#model.step(part(input, 0, this.#promptPart), cache.own);
      this.#prompts.unshift({ ...job, input: part(input, this.#promptPart, count) });
    } catch (error) {
      job.reject(error);
    }
  }

  async #stepAlone(job: Job, input: StepInput): Promise<void> {
    try {
      give(job, await this.#model.step(input, job.cache.own));
    } catch (error) {
      job.reject(error);
    }
  }

  /** Dynamic NTK and LongRoPE rotate a prompt by its length, so that parts would be rotated otherwise. */
  #goesInParts({ ids }: StepInput): boolean {
    const { rope, maxPositions } = this.config;
    const isOfLength = Number.isFinite(lengthWithOneTable(rope, maxPositions));
    return this.keepsRows && ids.length === 1 && !isOfLength;
  }
}

/** Told at once, so that a request that waits may free its cache. */
function isOver(job: Job): boolean {
  const { signal } = job.input;
  if (signal?.aborted !== true) return false;
  job.reject(signal.reason);
  return true;
}

function give(job: Job, logits: readonly Float32Array[]): void {
  job.cache.isChoosing = true;
  job.resolve(logits);
}

function part(
  { ids, positions, visible, signal }: StepInput,
  begin: number,
  end: number,
): StepInput {
  return {
    ids: ids.map((row) => row.subarray(begin, end)),
    ...(positions === undefined
      ? {}
      : { positions: positions.map((row) => row.subarray(begin, end)) }),
    ...(visible === undefined ? {} : { visible: visible.map((row) => row.subarray(begin, end)) }),
    signal,
  };
}

/** A text's cache, and whether the next token of the text is being chosen. */
class SharedCache implements TokenCache {
  readonly own: TokenCache;
  isChoosing = false;
  readonly #onEnd: () => void;

  constructor(own: TokenCache, onEnd: () => void) {
    this.own = own;
    this.#onEnd = onEnd;
  }

  get length(): number {
    return this.own.length;
  }

  truncate(length: number): void {
    this.own.truncate(length);
  }

  dispose(): void {
    this.#onEnd();
    this.own.dispose();
  }
}
