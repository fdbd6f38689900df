import { WbError } from "../../errors/wb-error.ts";
import type { OpcodeName } from "../../formats/pickle/opcodes.ts";
import { makesArray, standingOf } from "../names.ts";
import type { TraceArgument } from "./argument.ts";
import { DATA, MADE, TraceStack, type TracedGlobal, type TraceValue } from "./stack.ts";

/** What is told of while a pickle is traced. */
export interface TraceListener {
  /** An import. */
  onGlobal(global: TracedGlobal): void;
  /**
   * An import or a call of something that cannot be told from the file, or a change to what was imported.
   * @param ends Every unpickler stops there.
   */
  onHidden(code: "WB5202" | "WB5203", message: string, ends?: boolean): void;
}

/** Highest protocol that CPython 3.14 reads. */
const HIGHEST_PROTOCOL = 5n;

/**
 * The steps of CPython's unpickler (v3.11.7, Modules/_pickle.c and Lib/pickle.py) on a stack of names: each takes and leaves
 * as many values as there. A container's or a number's content decides nothing, so it is not kept.
 */
export class TraceMachine {
  readonly #label: string;
  readonly #listener: TraceListener;
  readonly #stack: TraceStack;
  calls = false;
  frameEnd = 0;

  constructor(label: string, listener: TraceListener) {
    this.#label = label;
    this.#listener = listener;
    this.#stack = new TraceStack(label);
  }

  /** An opcode without an argument. */
  run(opcode: OpcodeName, offset: number): void {
    const stack = this.#stack;
    stack.offset = offset;
    switch (opcode) {
      case "MARK":
        stack.mark();
        break;
      case "STOP":
        stack.pop();
        break;
      case "POP":
        stack.popOrMark();
        break;
      case "POP_MARK":
        stack.popMark();
        break;
      case "DUP":
        stack.push(stack.top());
        break;
      case "MEMOIZE":
        stack.rememberNext();
        break;
      case "LIST":
      case "TUPLE":
      case "DICT":
      case "FROZENSET":
        stack.popMark();
        stack.push(DATA);
        break;
      case "TUPLE1":
        this.#tuple(1);
        break;
      case "TUPLE2":
        this.#tuple(2);
        break;
      case "TUPLE3":
        this.#tuple(3);
        break;
      case "APPEND":
        stack.pop();
        stack.top();
        break;
      case "SETITEM":
        stack.pop();
        stack.pop();
        stack.top();
        break;
      case "APPENDS":
      case "SETITEMS":
      case "ADDITEMS":
        stack.popMark();
        stack.top();
        break;
      case "BINPERSID":
        stack.pop();
        stack.push(MADE);
        break;
      case "READONLY_BUFFER":
        stack.top();
        break;
      case "NEXT_BUFFER":
        stack.push(DATA);
        break;
      case "BUILD":
        stack.pop();
        this.#build(stack.top(), offset);
        break;
      case "REDUCE":
      case "NEWOBJ":
        stack.pop();
        this.#call(stack.pop(), offset);
        break;
      case "NEWOBJ_EX":
        stack.pop();
        stack.pop();
        this.#call(stack.pop(), offset);
        break;
      case "OBJ": {
        const [callee] = stack.popMark();
        if (callee === undefined) throw stack.misfit("OBJ has no class");
        this.#call(callee, offset);
        break;
      }
      case "STACK_GLOBAL": {
        const name = stack.pop();
        this.#stackGlobal(stack.pop(), name, offset);
        break;
      }
      default:
        // NONE, NEWTRUE, NEWFALSE and the empty containers.
        stack.push(DATA);
    }
  }

  /** An opcode with its argument; `next` is the byte behind it. */
  runWith(opcode: OpcodeName, argument: TraceArgument, offset: number, next: number): void {
    const stack = this.#stack;
    stack.offset = offset;
    if (offset < this.frameEnd && next > this.frameEnd) this.#crossing(argument, offset);
    if (argument.kind === "global") {
      // Lib/pickle.py imports before it looks for INST's arguments.
      const global = this.#global(argument, offset);
      if (!argument.isWhole)
        throw new WbError("WB3201", `${this.#label}: the name at byte ${offset} has no end`, {
          details: { where: this.#label },
        });
      if (opcode === "INST") {
        stack.popMark();
        this.#call(global, offset);
      } else stack.push(global);
      return;
    }
    if (argument.kind === "value") {
      stack.push(argument.value);
      return;
    }
    switch (opcode) {
      case "GET":
      case "BINGET":
      case "LONG_BINGET":
        stack.recall(argument.index);
        break;
      case "PUT":
      case "BINPUT":
      case "LONG_BINPUT":
        stack.remember(argument.index);
        break;
      case "PROTO":
        if (BigInt(argument.index) <= HIGHEST_PROTOCOL) break;
        throw new WbError(
          "WB4201",
          `${this.#label}: protocol ${argument.index}, expected at most ${HIGHEST_PROTOCOL}`,
          { details: { where: this.#label } },
        );
      case "FRAME":
        this.#frame(next, next + Number(argument.index), offset);
        break;
      case "EXT1":
      case "EXT2":
      case "EXT4":
        this.#listener.onHidden(
          "WB5202",
          `${this.#label}: byte ${offset}: code ${argument.index} of Python's extension registry`,
        );
        stack.push(MADE);
        break;
      default:
        stack.push(DATA);
    }
  }

  /** The C unpickler loses the part of a line that is in the frame, so that another name is imported than stands there. */
  #crossing(argument: TraceArgument, offset: number): void {
    const problem = `${this.#label}: byte ${offset}: an opcode reaches beyond the end of its frame`;
    if (argument.kind === "global") this.#listener.onHidden("WB5203", problem);
    throw new WbError("WB3201", problem, { details: { where: this.#label } });
  }

  /**
   * A frame within another: the C unpickler has read the outer one ahead, and keeps it where that is the longer, else it loses what
   * is left of it. Lib/pickle.py stops.
   */
  #frame(begin: number, end: number, offset: number): void {
    if (begin < this.frameEnd) {
      if (end <= this.frameEnd) return;
      const problem = `${this.#label}: byte ${offset}: a frame reaches beyond the end of the one that it is in`;
      this.#listener.onHidden("WB5203", problem, false);
      throw new WbError("WB3201", problem, { details: { where: this.#label } });
    }
    this.frameEnd = end;
  }

  #tuple(length: number): void {
    for (let index = 0; index < length; index++) this.#stack.pop();
    this.#stack.push(DATA);
  }

  #global(named: Omit<TracedGlobal, "kind" | "offset">, offset: number): TracedGlobal {
    const { module, name, isWhole } = named;
    const global: TracedGlobal = { kind: "global", module, name, isWhole, offset };
    this.#listener.onGlobal(global);
    return global;
  }

  #stackGlobal(module: TraceValue, name: TraceValue, offset: number): void {
    if (typeof module === "string" && typeof name === "string") {
      this.#stack.push(this.#global({ module, name, isWhole: true }, offset));
      return;
    }
    const problem = "STACK_GLOBAL takes a name that is no plain text";
    // Both unpicklers stop at what is no text; a loader's own value, a call's or a named one may be one.
    const ends = isNoText(module) || isNoText(name);
    this.#listener.onHidden("WB5203", `${this.#label}: byte ${offset}: ${problem}`, ends);
    if (ends) throw this.#stack.misfit(problem);
    this.#stack.push(MADE);
  }

  #call(callee: TraceValue, offset: number): void {
    this.calls = true;
    if (typeof callee !== "object") {
      this.#listener.onHidden(
        "WB5202",
        `${this.#label}: byte ${offset}: calls something that is not a plain global`,
      );
      this.#stack.push(MADE);
      return;
    }
    this.#stack.push(makesArray(callee.module, callee.name) ? DATA : MADE);
  }

  #build(target: TraceValue, offset: number): void {
    this.calls = true;
    if (typeof target !== "object") return;
    this.#listener.onHidden(
      "WB5202",
      `${this.#label}: byte ${offset}: BUILD changes ${target.module}.${target.name} itself, for all that is loaded later`,
    );
  }
}

/** Every name that is known is of a class, a function or a dtype; another one may be of a text, as string.digits is. */
const isNoText = (value: TraceValue): boolean =>
  value === DATA || (typeof value === "object" && standingOf(value.module, value.name) !== "other");
