import type { Budget } from "../budget.ts";

/**
 * Python's values: bigint is int, number is float, string is str, null is None; the rest are objects with a kind. Nothing changes
 * once it is made, but for namespaces, loops, cyclers and iterators.
 */
export type Value = null | boolean | bigint | number | string | ObjectValue;

export type ObjectValue =
  Undefined | List | Tuple | Dict | View | Range | Iterator | Markup | Namespace | Callable | Host;

/** A variable, attribute or item that is not there. */
export class Undefined {
  readonly kind = "undefined";
  /** What Python would say where it is used. */
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

export class List {
  readonly kind = "list";
  readonly items: readonly Value[];

  constructor(items: readonly Value[]) {
    this.items = items;
  }
}

export class Tuple {
  readonly kind = "tuple";
  readonly items: readonly Value[];
  /** Names of the first items, for those of `groupby`. */
  readonly names: readonly string[];

  constructor(items: readonly Value[], names: readonly string[] = []) {
    this.items = items;
    this.names = names;
  }
}

/** A dict in the order of its keys' coming; `hash` tells equal keys. */
export class Dict {
  readonly kind = "dict";
  readonly entries: ReadonlyMap<string, readonly [Value, Value]>;

  constructor(entries: ReadonlyMap<string, readonly [Value, Value]>) {
    this.entries = entries;
  }
}

/** `keys()`, `values()` and `items()` of a dict. */
export class View {
  readonly kind = "view";
  readonly of: "keys" | "values" | "items";
  readonly dict: Dict;

  constructor(of: "keys" | "values" | "items", dict: Dict) {
    this.of = of;
    this.dict = dict;
  }

  get items(): readonly Value[] {
    const entries = [...this.dict.entries.values()];
    if (this.of === "items") return entries.map((entry) => new Tuple(entry));
    return entries.map(([key, value]) => (this.of === "keys" ? key : value));
  }
}

export class Range {
  readonly kind = "range";
  readonly begin: bigint;
  readonly end: bigint;
  readonly step: bigint;

  constructor(begin: bigint, end: bigint, step: bigint) {
    this.begin = begin;
    this.end = end;
    this.step = step;
  }

  get length(): number {
    const span = this.step > 0n ? this.end - this.begin : this.begin - this.end;
    const size = this.step > 0n ? this.step : -this.step;
    return span <= 0n ? 0 : Number((span + size - 1n) / size);
  }

  get items(): readonly Value[] {
    return Array.from(
      { length: this.length },
      (_, index) => this.begin + BigInt(index) * this.step,
    );
  }
}

/** What can be gone through once: generators, as `map` and `select` give them. */
export class Iterator {
  readonly kind = "iterator";
  readonly #make: () => readonly Value[];
  #items: readonly Value[] | undefined;
  #position = 0;

  constructor(make: () => readonly Value[]) {
    this.#make = make;
  }

  /** The next item; undefined behind the last. */
  next(): Value | undefined {
    this.#items ??= this.#make();
    return this.#items[this.#position++];
  }

  /** All that is left. */
  rest(): readonly Value[] {
    this.#items ??= this.#make();
    const rest = this.#items.slice(this.#position);
    this.#position = this.#items.length;
    return rest;
  }
}

/** Text that `safe` or `escape` marked. */
export class Markup {
  readonly kind = "markup";
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export class Namespace {
  readonly kind = "namespace";
  readonly attributes: Map<string, Value>;

  constructor(attributes: ReadonlyMap<string, Value>) {
    this.attributes = new Map(attributes);
  }
}

/** Arguments of a call. */
export interface Arguments {
  readonly positional: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
}

export class Callable {
  readonly kind = "callable";
  readonly name: string;
  readonly call: (args: Arguments, budget: Budget) => Value;
  /** What may be asked of it: a macro tells its name and its parameters'. */
  readonly attributes: ReadonlyMap<string, Value>;

  constructor(
    name: string,
    call: (args: Arguments, budget: Budget) => Value,
    attributes: ReadonlyMap<string, Value> = new Map(),
  ) {
    this.name = name;
    this.call = call;
    this.attributes = attributes;
  }
}

/** An object of Jinja's own, `loop` or a cycler: its attributes are computed when asked for. */
export class Host {
  readonly kind = "host";
  readonly name: string;
  readonly attribute: (name: string) => Value | undefined;
  /** What a call of the object itself gives. */
  readonly call: ((args: Arguments, budget: Budget) => Value) | undefined;
  /** Python's `len` of it. */
  readonly length: (() => number) | undefined;

  constructor(
    name: string,
    attribute: (name: string) => Value | undefined,
    call?: (args: Arguments, budget: Budget) => Value,
    length?: () => number,
  ) {
    this.name = name;
    this.attribute = attribute;
    this.call = call;
    this.length = length;
  }
}

/** True for a list, dict and so on: a value that has a kind. */
export function isObject(value: Value): value is ObjectValue {
  return typeof value === "object" && value !== null;
}

export function isUndefined(value: Value): value is Undefined {
  return isObject(value) && value.kind === "undefined";
}

/** int, float and bool, which is an int to Python. */
export function isNumber(value: Value): value is boolean | bigint | number {
  return typeof value === "bigint" || typeof value === "number" || typeof value === "boolean";
}

/** Python's name of a value's type, for messages. */
export function typeName(value: Value): string {
  if (value === null) return "NoneType";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return "int";
  if (typeof value === "number") return "float";
  if (typeof value === "string") return "str";
  switch (value.kind) {
    case "undefined":
      return "Undefined";
    case "view":
      return `dict_${value.of}`;
    case "iterator":
      return "generator";
    case "markup":
      return "Markup";
    case "namespace":
      return "Namespace";
    case "callable":
      return "function";
    case "host":
      return value.name;
    default:
      return value.kind;
  }
}
