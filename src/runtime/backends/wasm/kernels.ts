import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { WbError } from "../../../errors/wb-error.ts";
import { namedCalls, type NamedCalls } from "../../../tensor/named-calls.ts";
import { DECODER_WASM, DECODER_WASM_PARAMETERS } from "./decoder-module.ts";
import { MOST_PAGES, PAGE_BYTES, WasmMemory } from "./memory.ts";

/** What wasm/decoder/index.ts offers, as it is described there. All numbers are addresses, counts, or steps in elements. */
type DecoderCalls = NamedCalls<typeof DECODER_WASM_PARAMETERS>;

/** The compiled module; threads share it. */
export type KernelModule = WebAssembly.Module;

/** Set to "off" for TensorFlow's own operations alone. */
const SWITCH = "WEIGHBRIDGE_KERNELS";

let compiled: WebAssembly.Module | undefined;

/** The compiled kernels; undefined where they are switched off, or the engine lacks 128-bit vectors or threads. */
export function loadKernels(): KernelModule | undefined {
  if (process.env[SWITCH] === "off") return undefined;
  if (compiled !== undefined) return compiled;
  const bytes = Buffer.from(DECODER_WASM, "base64");
  if (!WebAssembly.validate(bytes)) return undefined;
  compiled = new WebAssembly.Module(bytes);
  return compiled;
}

/** Threads at most: memory is the limit long before. */
const MOST_THREADS = 8;

/** How many threads compute, the caller among them. */
export function kernelThreads(): number {
  return Math.min(MOST_THREADS, availableParallelism());
}

/** Products of a piece of work from which on other threads are worth their start, some 10 ms each. */
const WORTH_THREADS = 2 ** 22;

/** What a worker runs: it serves until it is ended, and says so when it breaks off. */
const WORKER = `
const { module, memory, index } = require("node:worker_threads").workerData;
const { serve, fail } = new WebAssembly.Instance(module, { env: { memory } }).exports;
try { serve(index); } catch { fail(); }
`;

/** Where the first page holds descriptions of layers; see wasm/decoder/layout.ts for what else it holds. */
export const LAYERS_AT = 4096;

/** The kernels on a memory of their own, with the threads that share it. */
export class WasmKernels {
  readonly memory: WasmMemory;
  readonly calls: DecoderCalls;
  readonly #module: WebAssembly.Module;
  readonly #shared: WebAssembly.Memory;
  readonly #threads: number;
  readonly #workers: Worker[] = [];
  #started = false;
  #failed = false;

  /** @param threads How many compute at most, the caller among them. @throws WbError WB6202 when there is no room for the memory. */
  constructor(module: KernelModule, threads: number) {
    this.#module = module;
    this.#threads = threads;
    try {
      this.#shared = new WebAssembly.Memory({ initial: 1, maximum: MOST_PAGES, shared: true });
      const { exports } = new WebAssembly.Instance(module, { env: { memory: this.#shared } });
      this.calls = namedCalls(exports, DECODER_WASM_PARAMETERS);
    } catch (error) {
      throw failure(error);
    }
    this.memory = new WasmMemory(this.#shared, PAGE_BYTES);
  }

  /**
   * Runs a piece of work whose parts threads share.
   * @param products How much work it is. @param scratchBytes What each thread needs. @param work Gives 0 when a thread failed.
   * @throws WbError WB6202.
   */
  share(products: number, scratchBytes: number, work: (scratch: number) => number): void {
    if (this.#failed) throw failure("an earlier piece of work broke off");
    if (products >= WORTH_THREADS) this.#startThreads();
    const scratch = this.memory.allocate(scratchBytes * (1 + this.#workers.length), "a workspace");
    let done = 0;
    try {
      done = work(scratch);
    } catch (error) {
      throw failure(error);
    } finally {
      // Another thread may still be at it: nothing that is computed on this memory counts any more.
      this.#failed = done === 0;
      this.memory.free(scratch);
    }
    if (this.#failed) throw failure("a thread broke off");
  }

  /** Ends the threads; the memory is free once nobody knows of this any more. */
  close(): void {
    for (const worker of this.#workers) void worker.terminate();
    this.#workers.length = 0;
    this.calls.setWorkers({ count: 0 });
  }

  #startThreads(): void {
    if (this.#started) return;
    this.#started = true;
    for (let index = 1; index < this.#threads; index++) {
      const worker = this.#startThread(index);
      if (worker === undefined) break;
      this.#workers.push(worker);
    }
    this.calls.setWorkers({ count: this.#workers.length });
  }

  /** @returns undefined where this process may have no threads, as under Node's permission model: one computes the same. */
  #startThread(index: number): Worker | undefined {
    try {
      const worker = new Worker(WORKER, {
        eval: true,
        execArgv: [],
        workerData: { module: this.#module, memory: this.#shared, index },
      });
      // Who does not come takes no part, and is not waited for.
      worker.on("error", () => undefined);
      worker.unref();
      return worker;
    } catch {
      return undefined;
    }
  }
}

function failure(error: unknown): WbError {
  const reason = error instanceof Error ? error.message : String(error);
  return new WbError("WB6202", `the WebAssembly kernels failed: ${reason}`, { cause: error });
}
