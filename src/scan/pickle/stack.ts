import { WbError } from "../../errors/wb-error.ts";
import { PICKLE_LIMITS } from "../../formats/pickle/limits.ts";

/** A global that the pickle has named. */
export interface TracedGlobal {
  readonly kind: "global";
  readonly module: string;
  readonly name: string;
  /** False where the file ends in the name. */
  readonly isWhole: boolean;
  readonly offset: number;
}

/** What a call made, a loader gives for a persistent id, or a long text: it may be anything. */
export const MADE = Symbol("made");
/** A number, a container, bytes: whatever it holds, it is no text and cannot be called. */
export const DATA = Symbol("data");

export type TraceValue = string | TracedGlobal | typeof MADE | typeof DATA;

/** Bytes of memory of a place on the stack and of an entry of the memo, by rough count. */
const SLOT_BYTES = 8;
const MEMO_BYTES = 64;

/**
 * The unpickler's stack and memo, with as many values as CPython's have at each step, but only texts and names kept: these
 * alone decide what is imported. An underflow here is one there.
 */
export class TraceStack {
  readonly #label: string;
  readonly #values: TraceValue[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<string, TraceValue>();
  #bytes = 0;
  offset = 0;

  constructor(label: string) {
    this.#label = label;
  }

  push(value: TraceValue): void {
    this.#charge(SLOT_BYTES + (typeof value === "string" ? 2 * value.length : 0));
    this.#values.push(value);
  }

  pop(): TraceValue {
    const value = this.top();
    this.#values.pop();
    return value;
  }

  top(): TraceValue {
    const value = this.#values.length > this.#fence ? this.#values.at(-1) : undefined;
    if (value === undefined) throw this.misfit("a value is taken from an empty stack");
    return value;
  }

  mark(): void {
    this.#charge(SLOT_BYTES);
    this.#marks.push(this.#values.length);
  }

  /** The values above the last mark, and takes the mark away. */
  popMark(): TraceValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw this.misfit("a mark was expected");
    return this.#values.splice(mark);
  }

  /** POP takes a mark where there is nothing above it. */
  popOrMark(): void {
    if (this.#marks.length > 0 && this.#values.length === this.#fence) this.#marks.pop();
    else this.pop();
  }

  remember(index: string): void {
    if (!this.#memo.has(index)) this.#charge(MEMO_BYTES);
    this.#memo.set(index, this.top());
  }

  /** Remembers under the number of entries that there are. */
  rememberNext(): void {
    this.remember(String(this.#memo.size));
  }

  recall(index: string): void {
    const value = this.#memo.get(index);
    if (value === undefined) {
      throw new WbError(
        "WB3205",
        `${this.#label}: byte ${this.offset}: memo entry ${index} was never stored`,
        { details: { where: this.#label } },
      );
    }
    this.push(value);
  }

  misfit(problem: string): WbError {
    return new WbError("WB3203", `${this.#label}: byte ${this.offset}: ${problem}`, {
      details: { where: this.#label },
    });
  }

  get #fence(): number {
    return this.#marks.at(-1) ?? 0;
  }

  #charge(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > PICKLE_LIMITS.heapBytes) {
      throw new WbError(
        "WB5204",
        `${this.#label}: byte ${this.offset}: values of more than ${PICKLE_LIMITS.heapBytes} bytes of memory`,
        { details: { where: this.#label } },
      );
    }
  }
}
