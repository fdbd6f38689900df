import { Problem } from "./problem.ts";

/** One generation at a time, in the order of asking; requests beyond a limit are sent away at once. */
export class TurnQueue {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #isBusy = false;
  #admitted = 0;

  /** @param limit Requests that wait or are answered, at most. */
  constructor(limit: number) {
    this.#limit = limit;
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

  /** Waits for a turn; call the result when it is over. A request with several answers takes a turn for each. */
  async turn(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#isBusy) await this.#wait(signal);
    this.#isBusy = true;
    return () => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#isBusy = false;
      else next();
    };
  }

  async #wait(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const begin = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = (): void => {
        const place = this.#waiting.indexOf(begin);
        if (place !== -1) this.#waiting.splice(place, 1);
        reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(begin);
    });
  }
}
