import { WbError } from "../../errors/wb-error.ts";

/** config.json as written: any fields of any kind. */
export type RawConfig = Readonly<Record<string, unknown>>;

/** Parses config.json. @throws WbError WB3701 when it is not a JSON object. */
export function parseRawConfig(text: string, path: string): RawConfig {
  let value: unknown;
  try {
    // Python's json writes Infinity and NaN, which JSON has not; no field that we read can be one.
    value = JSON.parse(text.replaceAll(/(?<=[:[,\s])-?(Infinity|NaN)(?=[,\]}\s])/g, "null"));
  } catch (error) {
    throw new WbError("WB3701", `${path}: expected JSON`, { details: { path }, cause: error });
  }
  if (isRecord(value)) return value;
  throw new WbError("WB3701", `${path}: expected a JSON object`, { details: { path } });
}

export function isRecord(value: unknown): value is RawConfig {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object that a JSON text is; undefined where it is no JSON, or something else. */
export function recordIn(text: string): RawConfig | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Typed access to the fields of one config.json; a null field counts as not written. */
export class ConfigFields {
  readonly raw: RawConfig;
  readonly path: string;

  constructor(raw: RawConfig, path: string) {
    this.raw = raw;
    this.path = path;
  }

  /** The same fields but for one that is not there. */
  without(name: string): ConfigFields {
    const { [name]: _left, ...raw } = this.raw;
    return new ConfigFields(raw, this.path);
  }

  /** The same fields but for one that has this value. */
  with(name: string, value: unknown): ConfigFields {
    return new ConfigFields({ ...this.raw, [name]: value }, this.path);
  }

  /** The first of several spellings that is written. */
  find(...names: readonly string[]): unknown {
    return names
      .map((name) => this.raw[name])
      .find((value) => value !== undefined && value !== null);
  }

  has(...names: readonly string[]): boolean {
    return this.find(...names) !== undefined;
  }

  /** The spelling that `find` takes; the first one where none is written. */
  spelling(...names: readonly string[]): string {
    return names.find((name) => this.has(name)) ?? names[0] ?? "";
  }

  /** A whole number above 0. */
  count(...names: readonly string[]): number {
    const value = this.optionalCount(...names);
    if (value === undefined)
      throw this.problem(names[0] ?? "", "a whole number above 0", undefined);
    return value;
  }

  optionalCount(...names: readonly string[]): number | undefined {
    const value = this.find(...names);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) return value;
    throw this.problem(this.spelling(...names), "a whole number above 0", value);
  }

  /** A number above 0. */
  positive(fallback: number, ...names: readonly string[]): number {
    return this.optionalAmount(...names) ?? fallback;
  }

  /** A number above 0 that must be written. */
  amount(...names: readonly string[]): number {
    const value = this.optionalAmount(...names);
    if (value === undefined) throw this.problem(names[0] ?? "", "a number above 0", undefined);
    return value;
  }

  optionalAmount(...names: readonly string[]): number | undefined {
    const value = this.find(...names);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
    throw this.problem(this.spelling(...names), "a number above 0", value);
  }

  /** As `optionalAmount`, where 0 means that there is none. */
  amountUnlessZero(name: string): number | undefined {
    return this.find(name) === 0 ? undefined : this.optionalAmount(name);
  }

  /** A list of numbers above 0. */
  amounts(name: string): readonly number[] {
    const value = this.find(name);
    const numbers: readonly unknown[] = Array.isArray(value) ? value : [];
    const amounts = numbers.filter(
      (one): one is number => typeof one === "number" && Number.isFinite(one) && one > 0,
    );
    if (amounts.length > 0 && amounts.length === numbers.length) return amounts;
    throw this.problem(name, "a list of numbers above 0", value);
  }

  flag(fallback: boolean, ...names: readonly string[]): boolean {
    const value = this.find(...names);
    if (value === undefined) return fallback;
    if (typeof value === "boolean") return value;
    throw this.problem(this.spelling(...names), "true or false", value);
  }

  text(fallback: string, ...names: readonly string[]): string {
    const value = this.find(...names);
    if (value === undefined) return fallback;
    if (typeof value === "string") return value;
    throw this.problem(this.spelling(...names), "a text", value);
  }

  /** A token id, or several; negative ids stand for none. */
  ids(...names: readonly string[]): readonly number[] {
    const value = this.find(...names);
    const list: readonly unknown[] = Array.isArray(value)
      ? value
      : value === undefined
        ? []
        : [value];
    const ids: number[] = [];
    for (const id of list) {
      if (typeof id !== "number" || !Number.isSafeInteger(id))
        throw this.problem(this.spelling(...names), "token ids", value);
      if (id >= 0) ids.push(id);
    }
    return ids;
  }

  /** The fields of an object inside, or undefined. */
  object(...names: readonly string[]): ConfigFields | undefined {
    const value = this.find(...names);
    if (value === undefined) return undefined;
    if (isRecord(value)) return new ConfigFields(value, `${this.path}: ${this.spelling(...names)}`);
    throw this.problem(this.spelling(...names), "an object", value);
  }

  problem(name: string, expected: string, found: unknown): WbError {
    const shown = found === undefined ? "nothing" : JSON.stringify(found).slice(0, 80);
    return new WbError("WB3701", `${this.path}: ${name}: expected ${expected}, found ${shown}`, {
      details: { path: this.path, expected, found: shown, field: name },
    });
  }
}
