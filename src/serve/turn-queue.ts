import { Problem } from "./problem.ts";

/** What may be generated at the same time. */
export interface Places {
  readonly texts: number;
  /** Tokens of all texts, prompts and answers together, that memory was planned for. */
  readonly tokens: number;
}

interface Waiting {
  readonly tokens: number;
  begin(): void;
}

/** Texts that are generated at the same time, as many as there is room for, in the order of asking; requests beyond a limit are sent away at once. */
export class TurnQueue {
  readonly #limit: number;
  readonly places: Places;
  readonly #waiting: Waiting[] = [];
  #texts = 0;
  #tokens = 0;
  #admitted = 0;

  /** @param limit Requests that wait or are answered, at most. */
  constructor(limit: number, places: Places) {
    this.#limit = limit;
    this.places = places;
  }

  /** Requests that wait or are answered. */
  get length(): number {
    return this.#admitted;
  }

  /**
   * Lets a request in; call the result once when it is answered.
   * @throws Problem 429 when too many are in.
   */
  admit(): () => void {
    if (this.#admitted >= this.#limit) {
      throw new Problem(429, `${this.#admitted} requests are waiting already; try again later`, {
        code: "queue_full",
        headers: { "retry-after": "1" },
      });
    }
    this.#admitted++;
    return () => {
      this.#admitted--;
    };
  }

  /**
   * Waits for a turn; call the result when it is over. A request with several answers takes a turn for each.
   * @param tokens Of prompt and answer at most; a text alone always has room.
   */
  async turn(signal: AbortSignal, tokens: number): Promise<() => void> {
    signal.throwIfAborted();
    // Nobody overtakes: a long text would wait for ever.
    if (this.#waiting.length > 0 || !this.#hasRoom(tokens)) await this.#wait(signal, tokens);
    else this.#take(tokens);
    return () => {
      this.#texts--;
      this.#tokens -= tokens;
      this.#callNext();
    };
  }

  #hasRoom(tokens: number): boolean {
    const { places } = this;
    return (
      this.#texts === 0 || (this.#texts < places.texts && this.#tokens + tokens <= places.tokens)
    );
  }

  #take(tokens: number): void {
    this.#texts++;
    this.#tokens += tokens;
  }

  #callNext(): void {
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined || !this.#hasRoom(next.tokens)) return;
      this.#waiting.shift();
      this.#take(next.tokens);
      next.begin();
    }
  }

  async #wait(signal: AbortSignal, tokens: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const place: Waiting = {
        tokens,
        begin: () => {
          signal.removeEventListener("abort", leave);
          resolve();
        },
      };
      const leave = (): void => {
        const index = this.#waiting.indexOf(place);
        if (index !== -1) this.#waiting.splice(index, 1);
        reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
        this.#callNext();
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(place);
    });
  }
}
