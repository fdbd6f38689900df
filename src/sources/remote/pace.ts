/** What is asked of a server's speed. */
export interface PaceLimits {
  /** A server that sends nothing for this long, in milliseconds, has dropped the connection. */
  readonly silenceMs: number;
  /** How long bytes are counted before the next count begins, in milliseconds. */
  readonly windowMs: number;
  /** Bytes that must come in each window. */
  readonly windowBytes: number;
  /** Bytes that an attempt must bring for the next failure to count as the first. */
  readonly progressBytes: number;
}

/** 1 KiB a second, as no line of today is slower: a server below it would keep a command waiting for as long as it likes. */
export const PACE: PaceLimits = {
  silenceMs: 30_000,
  windowMs: 30_000,
  windowBytes: 30 * 1024,
  progressBytes: 64 * 1024,
};

/** Watches how fast an answer comes, and ends it where that is too slow. */
export class PaceWatch {
  readonly #limits: PaceLimits;
  readonly #end: (problem: string) => void;
  readonly #silence: NodeJS.Timeout;
  #window: NodeJS.Timeout | undefined;
  #came = 0;

  /** Begins with the wait for the answer itself. */
  constructor(end: (problem: string) => void, limits: PaceLimits) {
    this.#limits = limits;
    this.#end = end;
    this.#silence = setTimeout(() => end(`no byte for ${limits.silenceMs} ms`), limits.silenceMs);
  }

  /** Call when the body is begun with: what the reader does with its parts is no time of the server's. */
  read(): void {
    this.#silence.refresh();
    this.#window ??= setInterval(() => this.#judge(), this.#limits.windowMs);
  }

  /** Call when so many bytes have come. */
  came(bytes: number): void {
    this.#came += bytes;
    this.#silence.refresh();
  }

  stop(): void {
    clearTimeout(this.#silence);
    clearInterval(this.#window);
  }

  #judge(): void {
    const { windowBytes, windowMs } = this.#limits;
    if (this.#came < windowBytes) this.#end(`${this.#came} bytes in ${windowMs} ms`);
    this.#came = 0;
  }
}
