import { WbError } from "../../errors/wb-error.ts";
import { BYTES_PER_SLOT, heapBytesOf, PICKLE_LIMITS } from "./limits.ts";
import { pythonFloat } from "./text.ts";
import type { PickleTuple, PickleValue } from "./value.ts";

/** The machine's stack of values with its marks, and the words for what is wrong with it. */
export class PickleStack {
  readonly #label: string;
  /** The values since the last mark. */
  #values: PickleValue[] = [];
  /** The values below each mark. */
  readonly #below: PickleValue[][] = [];
  #count = 0;
  #heapBytes = 0;
  /** Name and byte of the opcode at work, for messages. */
  opcode = "";
  offset = 0;

  constructor(label: string) {
    this.#label = label;
  }

  /** Puts a new value on the stack. */
  push(value: PickleValue): void {
    this.charge(heapBytesOf(value));
    this.pushAgain(value);
  }

  /** Puts a value on the stack that is there or in the memo already. */
  pushAgain(value: PickleValue): void {
    this.charge(BYTES_PER_SLOT);
    if (++this.#count > PICKLE_LIMITS.stack)
      throw this.bomb(`more than ${PICKLE_LIMITS.stack} values on the stack`);
    this.#values.push(value);
  }

  pop(what: string): PickleValue {
    const value = this.#values.pop();
    if (value === undefined) throw this.misuse(`${what} on an empty stack`);
    this.#count--;
    return value;
  }

  top(what: string): PickleValue {
    const value = this.#values.at(-1);
    if (value === undefined) throw this.misuse(`${what} on an empty stack`);
    return value;
  }

  /** Counts memory that the values take. @throws WbError WB5204 beyond the limit. */
  charge(bytes: number): void {
    this.#heapBytes += bytes;
    if (this.#heapBytes > PICKLE_LIMITS.heapBytes)
      throw this.bomb(`values of more than ${PICKLE_LIMITS.heapBytes} bytes of memory`);
  }

  mark(): void {
    this.#below.push(this.#values);
    if (this.#below.length > PICKLE_LIMITS.marks)
      throw this.bomb(`more than ${PICKLE_LIMITS.marks} nested marks`);
    this.#values = [];
  }

  /** The values above the last mark, and takes the mark away. */
  popMark(): PickleValue[] {
    const values = this.#values;
    const below = this.#below.pop();
    if (below === undefined) throw this.misuse("a mark was expected");
    this.#values = below;
    this.#count -= values.length;
    return values;
  }

  get isEmpty(): boolean {
    return this.#values.length === 0;
  }

  get hasMark(): boolean {
    return this.#below.length > 0;
  }

  popTuple(what: string): PickleTuple {
    const value = this.pop(what);
    if (typeof value === "object" && value?.kind === "tuple") return value;
    throw this.misuse(`${what}: expected a tuple, found ${describeValue(value)}`);
  }

  misuse(problem: string): WbError {
    return new WbError("WB3203", `${this.where()}: ${problem}`, {
      details: { where: this.where(), offset: this.offset },
    });
  }

  bomb(problem: string): WbError {
    return new WbError("WB5204", `${this.where()}: ${problem}`, {
      details: { where: this.where(), offset: this.offset },
    });
  }

  where(): string {
    return `${this.#label}: pickle opcode ${this.opcode} at byte ${this.offset}`;
  }
}

/** A word for a value's kind, as messages use it. */
export function describeValue(value: PickleValue | undefined): string {
  if (value === undefined) return "nothing";
  if (value === null) return "None";
  if (typeof value === "string") return "a text";
  if (typeof value !== "object") return String(value);
  switch (value.kind) {
    case "global":
      return `the global ${value.module}.${value.name}`;
    case "reduce":
      return `a call of ${value.callable.module}.${value.callable.name}`;
    case "float":
      return pythonFloat(value.value);
    case "bytes":
    case "text":
    case "list":
    case "tuple":
    case "dict":
    case "set":
    case "persistent":
      return `a ${value.kind}`;
    default:
      return value satisfies never;
  }
}
