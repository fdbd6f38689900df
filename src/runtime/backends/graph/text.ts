import type { TokenCache } from "../../model/token-model.ts";
import { TokenRows } from "../../model/token-rows.ts";
import { CACHE_STEP } from "../ops.ts";
import type { GraphSession } from "./session.ts";

/** The text whose keys and values a graph's variables hold. */
export class GraphText implements TokenCache {
  readonly rows: TokenRows;
  readonly #session: GraphSession;
  readonly #onEnd: () => void;
  #room = 0;
  #isOver = false;

  constructor(session: GraphSession, batch: number, onEnd: () => void) {
    this.rows = new TokenRows(batch);
    this.#session = session;
    this.#onEnd = onEnd;
  }

  get length(): number {
    return this.rows.length;
  }

  /** Tokens that the variables have room for; all that the rows tell of, after this was asked. */
  room(): number {
    if (this.length > this.#room) {
      this.#resize(this.#room, CACHE_STEP * (Math.floor(this.length / CACHE_STEP) + 1));
    }
    return this.#room;
  }

  /** What follows becomes zero, since what attention does not see still meets a factor of zero, which NaN survives. */
  truncate(length: number): void {
    if (length >= this.length) return;
    this.rows.truncate(length);
    this.#resize(Math.min(length, this.#room), this.#room);
  }

  dispose(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#resize(0, 0);
    this.#onEnd();
  }

  #resize(kept: number, room: number): void {
    this.#session.run(
      [
        { name: "kept", shape: [1], data: Int32Array.of(kept) },
        { name: "more", shape: [1], data: Int32Array.of(room - kept) },
      ],
      "resized",
    );
    this.#room = room;
  }
}
