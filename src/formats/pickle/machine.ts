import { WbError } from "../../errors/wb-error.ts";
import { readArgument } from "./arguments.ts";
import type { PickleCursor } from "./cursor.ts";
import { BYTES_PER_ENTRY, BYTES_PER_MEMO } from "./limits.ts";
import { PICKLE_OPCODES, type OpcodeName } from "./opcodes.ts";
import { describeValue, PickleStack } from "./stack.ts";
import type { PickleDict, PickleGlobal, PickleReduce, PickleTuple, PickleValue } from "./value.ts";
import type { PickleOptions } from "./options.ts";

/** Highest protocol that CPython 3.14 writes. */
const HIGHEST_PROTOCOL = 5;

/**
 * The stack machine of pickle (CPython v3.11.7, Lib/pickle.py, class _Unpickler) over inert values: where Python would
 * import, construct or call, a node is put that says so.
 */
export class PickleMachine {
  readonly #cursor: PickleCursor;
  readonly #label: string;
  readonly #options: PickleOptions;
  readonly #stack: PickleStack;
  readonly #memo = new Map<number, PickleValue>();
  #result: PickleValue = null;

  constructor(cursor: PickleCursor, label: string, options: PickleOptions) {
    this.#cursor = cursor;
    this.#label = label;
    this.#options = options;
    this.#stack = new PickleStack(label);
  }

  /** Runs one opcode whose byte has been read; gives a promise only when its argument must be waited for. */
  step(opcode: OpcodeName, offset: number): Promise<void> | undefined {
    this.#stack.opcode = opcode;
    this.#stack.offset = offset;
    if (opcode === "BUILD") return this.#build();
    if (PICKLE_OPCODES[opcode].argument === "none") {
      this.#run(opcode, offset);
      return undefined;
    }
    const argument = readArgument(opcode, this.#cursor, this.#stack);
    if (!(argument instanceof Promise)) {
      this.#runWith(opcode, offset, argument);
      return undefined;
    }
    return argument.then((value) => {
      this.#runWith(opcode, offset, value);
    });
  }

  /** What the pickle says; after STOP. */
  result(): PickleValue {
    return this.#result;
  }

  #run(opcode: OpcodeName, offset: number): void {
    const stack = this.#stack;
    switch (opcode) {
      case "MARK":
        stack.mark();
        break;
      case "STOP":
        this.#result = stack.pop("STOP");
        if (!stack.isEmpty || stack.hasMark) throw stack.misuse("values are left on the stack");
        break;
      case "POP":
        if (stack.isEmpty) stack.popMark();
        else stack.pop("POP");
        break;
      case "POP_MARK":
        stack.popMark();
        break;
      case "DUP":
        stack.pushAgain(stack.top("DUP"));
        break;
      case "NONE":
        stack.push(null);
        break;
      case "NEWTRUE":
        stack.push(true);
        break;
      case "NEWFALSE":
        stack.push(false);
        break;
      case "EMPTY_LIST":
        stack.push({ kind: "list", items: [] });
        break;
      case "EMPTY_TUPLE":
        stack.push({ kind: "tuple", items: [] });
        break;
      case "EMPTY_DICT":
        stack.push({ kind: "dict", entries: [] });
        break;
      case "EMPTY_SET":
        stack.push({ kind: "set", frozen: false, items: [] });
        break;
      case "LIST":
        stack.push({ kind: "list", items: stack.popMark() });
        break;
      case "TUPLE":
        stack.push({ kind: "tuple", items: stack.popMark() });
        break;
      case "FROZENSET":
        stack.push({ kind: "set", frozen: true, items: stack.popMark() });
        break;
      case "DICT":
        stack.push({ kind: "dict", entries: this.#pairs(stack.popMark()) });
        break;
      case "TUPLE1":
      case "TUPLE2":
      case "TUPLE3":
        this.#tuple(Number(opcode.at(-1)));
        break;
      case "MEMOIZE":
        this.#remember(this.#memo.size);
        break;
      case "APPEND":
        this.#append([stack.pop("APPEND")]);
        break;
      case "APPENDS":
        this.#append(stack.popMark());
        break;
      case "ADDITEMS":
        this.#addItems(stack.popMark());
        break;
      case "SETITEM": {
        const value = stack.pop("SETITEM");
        this.#setItems([stack.pop("SETITEM"), value]);
        break;
      }
      case "SETITEMS":
        this.#setItems(stack.popMark());
        break;
      case "BINPERSID":
        stack.push({ kind: "persistent", id: stack.pop("BINPERSID"), offset });
        break;
      case "REDUCE":
      case "NEWOBJ": {
        const args = stack.popTuple(opcode);
        this.#call(stack.pop(opcode), args, offset);
        break;
      }
      case "NEWOBJ_EX":
        this.#newObjectWithKeywords(offset);
        break;
      case "OBJ": {
        const [callee, ...items] = stack.popMark();
        this.#call(callee, { kind: "tuple", items }, offset);
        break;
      }
      case "STACK_GLOBAL": {
        const name = stack.pop("STACK_GLOBAL");
        const module = stack.pop("STACK_GLOBAL");
        if (typeof name !== "string" || typeof module !== "string") {
          throw new WbError(
            "WB5203",
            `${stack.where()}: expected two strings, found ${describeValue(module)} and ${describeValue(name)}`,
            { details: { where: stack.where(), offset } },
          );
        }
        stack.push(this.#global(module, name, offset));
        break;
      }
      case "NEXT_BUFFER":
      case "READONLY_BUFFER":
        throw new WbError(
          "WB4201",
          `${stack.where()}: the data is in a buffer outside of the file`,
          { details: { where: stack.where() } },
        );
      default:
        throw new WbError("WB7001", `${stack.where()}: no argument was read`);
    }
  }

  #runWith(opcode: OpcodeName, offset: number, argument: PickleValue): void {
    const stack = this.#stack;
    switch (opcode) {
      case "PROTO":
        if (typeof argument === "number" && argument <= HIGHEST_PROTOCOL) break;
        throw new WbError(
          "WB4201",
          `${stack.where()}: protocol ${describeValue(argument)}, expected at most ${HIGHEST_PROTOCOL}`,
          { details: { where: stack.where() } },
        );
      case "FRAME":
        // Frames are a hint for buffering; one that reaches past the end is damage all the same.
        if (typeof argument === "number" && argument <= this.#cursor.remaining) break;
        throw new WbError(
          "WB3201",
          `${stack.where()}: the frame has ${describeValue(argument)} bytes, but only ${this.#cursor.remaining} are left`,
          { details: { where: stack.where() } },
        );
      case "GET":
      case "BINGET":
      case "LONG_BINGET":
        this.#recall(argument);
        break;
      case "PUT":
      case "BINPUT":
      case "LONG_BINPUT":
        this.#remember(argument);
        break;
      case "PERSID":
        stack.push({ kind: "persistent", id: argument, offset });
        break;
      case "GLOBAL": {
        const [module, name] = twoStrings(argument);
        stack.push(this.#global(module, name, offset));
        break;
      }
      case "INST": {
        const [module, name] = twoStrings(argument);
        const args: PickleTuple = { kind: "tuple", items: stack.popMark() };
        this.#call(this.#global(module, name, offset), args, offset);
        break;
      }
      case "EXT1":
      case "EXT2":
      case "EXT4":
        throw new WbError(
          "WB5202",
          `${stack.where()}: code ${describeValue(argument)} of Python's extension registry`,
          {
            details: { where: stack.where(), offset },
          },
        );
      default:
        stack.push(argument);
    }
  }

  #tuple(length: number): void {
    const items: PickleValue[] = Array.from({ length }, () => this.#stack.pop("TUPLE"));
    this.#stack.push({ kind: "tuple", items: items.toReversed() });
  }

  #pairs(items: readonly PickleValue[]): (readonly [PickleValue, PickleValue])[] {
    if (items.length % 2 !== 0) throw this.#stack.misuse("a key without a value");
    this.#stack.charge((BYTES_PER_ENTRY * items.length) / 2);
    return Array.from({ length: items.length / 2 }, (_unused, index) => [
      items[2 * index] ?? null,
      items[2 * index + 1] ?? null,
    ]);
  }

  #append(items: readonly PickleValue[]): void {
    const target = this.#stack.top(this.#stack.opcode);
    if (typeof target !== "object" || (target?.kind !== "list" && target?.kind !== "reduce")) {
      throw this.#stack.misuse(`expected a list, found ${describeValue(target)}`);
    }
    for (const item of items) target.items.push(item);
  }

  #addItems(items: readonly PickleValue[]): void {
    const target = this.#stack.top("ADDITEMS");
    if (typeof target !== "object" || (target?.kind !== "set" && target?.kind !== "reduce")) {
      throw this.#stack.misuse(`expected a set, found ${describeValue(target)}`);
    }
    for (const item of items) target.items.push(item);
  }

  #setItems(items: readonly PickleValue[]): void {
    const target = this.#stack.top(this.#stack.opcode);
    if (!isDictLike(target))
      throw this.#stack.misuse(`expected a dict, found ${describeValue(target)}`);
    for (const entry of this.#pairs(items)) target.entries.push(entry);
  }

  #build(): Promise<void> | undefined {
    const state = this.#stack.pop("BUILD");
    const target = this.#stack.top("BUILD");
    if (typeof target !== "object" || target?.kind !== "reduce") {
      throw this.#stack.misuse(`expected an object made by a call, found ${describeValue(target)}`);
    }
    if (target.state !== undefined) throw this.#stack.misuse("the object was built before");
    target.state = state;
    const behind = this.#options.bytesBehind?.(target, this.#cursor.position) ?? 0;
    if (behind instanceof Promise) return behind.then((count) => this.#skip(count));
    this.#skip(behind);
    return undefined;
  }

  #skip(behind: number): void {
    if (behind === 0) return;
    if (behind > this.#cursor.remaining)
      throw this.#stack.misuse(
        `${behind} bytes behind BUILD, but ${this.#cursor.remaining} are left`,
      );
    this.#cursor.range(behind);
  }

  #newObjectWithKeywords(offset: number): void {
    const keywords = this.#stack.pop("NEWOBJ_EX");
    const args = this.#stack.popTuple("NEWOBJ_EX");
    const callee = this.#stack.pop("NEWOBJ_EX");
    const isPlain = isDictLike(keywords) && keywords.entries.length === 0;
    if (!isPlain && this.#options.opaque !== true) {
      throw new WbError("WB4201", `${this.#stack.where()}: an object made with keyword arguments`, {
        details: { where: this.#stack.where() },
      });
    }
    this.#call(callee, args, offset);
  }

  #call(callee: PickleValue | undefined, args: PickleTuple, offset: number): void {
    if (typeof callee !== "object" || callee?.kind !== "global") {
      if (this.#options.opaque === true) {
        this.#push(opaqueCallee(callee, offset), args, offset);
        return;
      }
      throw new WbError(
        "WB5202",
        `${this.#stack.where()}: expected a global to call, found ${describeValue(callee)}`,
        {
          details: { where: this.#stack.where(), offset },
        },
      );
    }
    this.#push(callee, args, offset);
  }

  #push(callable: PickleGlobal, args: PickleTuple, offset: number): void {
    this.#stack.push({ kind: "reduce", callable, args, offset, items: [], entries: [] });
  }

  #global(module: string, name: string, offset: number): PickleGlobal {
    const global: PickleGlobal = { kind: "global", module, name, offset };
    this.#options.onGlobal?.(global);
    if (this.#options.allow(module, name)) return global;
    throw new WbError(
      "WB5201",
      `${this.#label}: the pickle names ${JSON.stringify(`${module}.${name}`)} at byte ${offset}, which loading it in Python would import`,
      { details: { path: this.#label, module, name, offset }, ...hintFor(module) },
    );
  }

  #remember(index: PickleValue): void {
    if (typeof index !== "number" || index < 0)
      throw this.#stack.misuse(`memo index ${describeValue(index)}`);
    if (!this.#memo.has(index)) this.#stack.charge(BYTES_PER_MEMO);
    this.#memo.set(index, this.#stack.top(this.#stack.opcode));
  }

  #recall(index: PickleValue): void {
    const value = typeof index === "number" ? this.#memo.get(index) : undefined;
    if (value === undefined) {
      throw new WbError(
        "WB3205",
        `${this.#stack.where()}: memo entry ${describeValue(index)} was never stored`,
        { details: { where: this.#stack.where() } },
      );
    }
    this.#stack.pushAgain(value);
  }
}

function isDictLike(value: PickleValue | undefined): value is PickleDict | PickleReduce {
  return typeof value === "object" && (value?.kind === "dict" || value?.kind === "reduce");
}

/**
 * What stands for a callee that is no global: the class in the persistent id that torch before 1.6 saved modules with
 * ("module", class, file, source), else a name that no pickle can spell.
 */
function opaqueCallee(callee: PickleValue | undefined, offset: number): PickleGlobal {
  const id = typeof callee === "object" && callee?.kind === "persistent" ? callee.id : undefined;
  const [kind, named] = typeof id === "object" && id?.kind === "tuple" ? id.items : [];
  if (kind === "module" && typeof named === "object" && named?.kind === "global") return named;
  return { kind: "global", module: "", name: describeValue(callee), offset };
}

/** The two lines of GLOBAL and INST, which `readArgument` gives as a tuple of strings. */
function twoStrings(argument: PickleValue): readonly [string, string] {
  const items = typeof argument === "object" && argument?.kind === "tuple" ? argument.items : [];
  const [module, name] = items;
  if (typeof module === "string" && typeof name === "string") return [module, name];
  throw new WbError("WB7001", "two lines of text were expected");
}

/** The common honest mistake: the whole model was saved, of torch's classes or of the user's own. */
function hintFor(module: string): { readonly hint?: string } {
  if (module !== "__main__" && !module.startsWith("torch.nn.modules")) return {};
  const hint =
    "A class of a script or of torch.nn is named where a model, or an object that holds it, was saved whole. --data-only takes its tensors, and calls nothing.";
  return { hint };
}
