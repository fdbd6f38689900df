import { setImmediate } from "node:timers/promises";

/** Milliseconds that work goes on at a time before timers, sockets and signals have their turn. */
const LONGEST = 8;

/** Gives the event loop its turn now and then, in work that waits for nothing itself. */
export class Breather {
  #since = performance.now();

  async breathe(): Promise<void> {
    if (performance.now() - this.#since < LONGEST) return;
    await setImmediate();
    this.#since = performance.now();
  }
}
