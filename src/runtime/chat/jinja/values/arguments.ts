import { failed, unsupported } from "../problem.ts";
import { isNumber, isObject, typeName, type Arguments, type Value } from "./value.ts";
import { numeric, textOf } from "./basics.ts";

/** Arguments of a call by the names of its parameters, as Python binds them. */
export class Bound {
  readonly #what: string;
  readonly #values: ReadonlyMap<string, Value>;

  /** @param parameters Names in order; those that end in "?" may be left out. */
  constructor(what: string, args: Arguments, parameters: readonly string[]) {
    this.#what = what;
    const names = parameters.map((name) => name.replace("?", ""));
    if (args.positional.length > names.length)
      throw failed(
        `${what}() takes at most ${names.length} arguments (${args.positional.length} given)`,
      );
    const values = new Map<string, Value>();
    for (const [index, value] of args.positional.entries()) values.set(names[index] ?? "", value);
    for (const [name, value] of args.named) {
      if (!names.includes(name))
        throw failed(`${what}() got an unexpected keyword argument '${name}'`);
      if (values.has(name)) throw failed(`${what}() got multiple values for argument '${name}'`);
      values.set(name, value);
    }
    const missing = parameters.find((name) => !name.endsWith("?") && !values.has(name));
    if (missing !== undefined) throw failed(`${what}() is missing the argument '${missing}'`);
    this.#values = values;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The argument, or a default where it was left out. */
  value(name: string, fallback: Value = null): Value {
    const value = this.#values.get(name);
    return value === undefined ? fallback : value;
  }

  text(name: string, fallback?: string): string {
    const value = this.#values.get(name);
    if (value === undefined && fallback !== undefined) return fallback;
    const text = textOf(value ?? null);
    if (text !== undefined) return text;
    throw this.#wrong(name, "str", value ?? null);
  }

  /** A text, or undefined for None and where it was left out. */
  optionalText(name: string): string | undefined {
    const value = this.#values.get(name);
    return value === undefined || value === null ? undefined : this.text(name);
  }

  int(name: string, fallback?: number): number {
    const value = this.#values.get(name);
    if (value === undefined && fallback !== undefined) return fallback;
    if (typeof value === "bigint" || typeof value === "boolean") return clamped(BigInt(value));
    throw this.#wrong(name, "int", value ?? null);
  }

  /** An int, or undefined for None and where it was left out. */
  optionalInt(name: string): number | undefined {
    const value = this.#values.get(name);
    return value === undefined || value === null ? undefined : this.int(name);
  }

  /** Python's truth of an argument that is a flag by its meaning; anything but a bool is refused. */
  flag(name: string, fallback = false): boolean {
    const value = this.#values.get(name);
    if (value === undefined) return fallback;
    if (typeof value === "boolean") return value;
    if (value === null) return false;
    throw unsupported(`${this.#what}(${name}=${typeName(value)})`);
  }

  number(name: string): bigint | number {
    const value = this.value(name);
    if (isNumber(value)) return numeric(value);
    throw this.#wrong(name, "a number", value);
  }

  #wrong(name: string, expected: string, value: Value): Error {
    if (isObject(value) && value.kind === "undefined") return failed(value.reason);
    return failed(
      `${this.#what}(): argument '${name}' must be ${expected}, not ${typeName(value)}`,
    );
  }
}

/** An int as an index: beyond what any text or list has, its size does not matter. */
export function clamped(value: bigint): number {
  const limit = 2n ** 52n;
  if (value > limit) return Number(limit);
  return value < -limit ? -Number(limit) : Number(value);
}

/** @throws JinjaError where arguments are given to what takes none. */
export function noArguments(what: string, { positional, named }: Arguments): void {
  if (positional.length + named.size > 0) throw failed(`${what}() takes no arguments`);
}
