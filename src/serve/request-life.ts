import type { ServerResponse } from "node:http";
import { Problem } from "./problem.ts";

/** How long one request is worked on: until it is answered, its client leaves, its time is up or the server stops. */
export class RequestLife {
  readonly #abort = new AbortController();
  readonly #outgoing: ServerResponse;
  readonly #timer: NodeJS.Timeout;
  readonly #onClose: () => void;
  #isClientGone = false;

  /** @param timeoutSeconds From now on, waiting included. */
  constructor(outgoing: ServerResponse, timeoutSeconds: number) {
    this.#outgoing = outgoing;
    this.#onClose = () => {
      this.#isClientGone = true;
      this.abort(new Problem(499, "the client has gone"));
    };
    outgoing.once("close", this.#onClose);
    this.#timer = setTimeout(() => {
      this.abort(
        new Problem(504, `not answered within ${timeoutSeconds} seconds`, { code: "timeout" }),
      );
    }, timeoutSeconds * 1000);
    this.#timer.unref();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get isClientGone(): boolean {
    return this.#isClientGone;
  }

  abort(reason: Problem): void {
    this.#abort.abort(reason);
  }

  /** Lets go of the connection and the clock. */
  end(): void {
    clearTimeout(this.#timer);
    this.#outgoing.removeListener("close", this.#onClose);
  }
}
