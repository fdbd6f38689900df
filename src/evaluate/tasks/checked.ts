import { WbError } from "../../errors/wb-error.ts";
import { isRecord } from "../../model/config/fields.ts";

type Json = Readonly<Record<string, unknown>>;

/** Whether a text can stand for a task: something, and no control characters. */
export function isName(text: string): boolean {
  return text.trim() !== "" && !/\p{Cc}/u.test(text);
}

/** The fields of one object of a task file; every one must be asked for, so that a misspelt one is found. */
export class Checked {
  readonly #raw: Json;
  readonly #path: string;
  readonly #place: string;
  readonly #asked = new Set<string>();

  /** @param place What messages call it: "base.examples". */
  constructor(raw: unknown, path: string, place: string) {
    this.#path = path;
    this.#place = place;
    if (!isRecord(raw)) throw this.error("", "an object", raw);
    this.#raw = raw;
  }

  /** Whether it is there; one that may be is known, too. */
  has(name: string): boolean {
    this.#asked.add(name);
    return this.#raw[name] !== undefined;
  }

  text(name: string): string {
    const value = this.#take(name);
    if (typeof value === "string") return value;
    throw this.error(name, "a text", value);
  }

  /** A text in one line, with something in it: it is printed, and names tests and rows of tables. */
  name(name: string): string {
    const value = this.text(name);
    if (isName(value)) return value;
    throw this.error(name, "a name in one line", value);
  }

  /** A path below another. */
  path(name: string): string {
    const value = this.text(name);
    if (value !== "" && !value.includes("\0")) return value;
    throw this.error(name, "the path of a file", value);
  }

  optionalText(name: string): string | undefined {
    return this.has(name) ? this.text(name) : undefined;
  }

  truth(name: string): boolean {
    const value = this.#take(name);
    if (value === undefined || typeof value === "boolean") return value === true;
    throw this.error(name, "true or false", value);
  }

  /** A whole number of at least 1. */
  count(name: string): number {
    const value = this.#take(name);
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1) return value;
    throw this.error(name, "a whole number of at least 1", value);
  }

  texts(name: string): readonly string[] {
    const value = this.list(name);
    return value.map((item) => {
      if (typeof item === "string") return item;
      throw this.error(name, "a list of texts", item);
    });
  }

  list(name: string): readonly unknown[] {
    const value = this.#take(name);
    if (Array.isArray(value) && value.length > 0) return value;
    throw this.error(name, "a list that is not empty", value);
  }

  choice<T extends string>(name: string, allowed: readonly T[]): T {
    const value = this.#take(name);
    const found = allowed.find((item) => item === value);
    if (found !== undefined) return found;
    throw this.error(name, `one of ${allowed.join(", ")}`, value);
  }

  /** Texts by name, in the file's order. */
  map(name: string): ReadonlyMap<string, string> {
    const value = this.#take(name);
    if (!isRecord(value)) throw this.error(name, "an object of texts", value);
    // Object.entries gives names that are whole numbers first; labels such as "0" and "1" are in order then, too.
    return new Map(
      Object.entries(value).map(([key, item]) => {
        if (typeof item === "string") return [key, item];
        throw this.error(`${name}.${key}`, "a text", item);
      }),
    );
  }

  child(name: string): Checked {
    return new Checked(this.#take(name), this.#path, this.#inside(name));
  }

  children(name: string): ReadonlyMap<string, Checked> {
    const value = this.#take(name);
    if (!isRecord(value)) throw this.error(name, "an object", value);
    return new Map(
      Object.keys(value).map((key) => [
        key,
        new Checked(value[key], this.#path, this.#inside(`${name}.${key}`)),
      ]),
    );
  }

  raw(name: string): unknown {
    return this.#take(name);
  }

  /** @throws WbError WB2921 for a field that nothing asked for. */
  end(): void {
    const first = Object.keys(this.#raw).find((name) => !this.#asked.has(name));
    if (first === undefined) return;
    const known = [...this.#asked].join(", ");
    throw this.#refuse(first, `there is no such field; known here: ${known}`);
  }

  error(name: string, expected: string, found: unknown): WbError {
    const shown = found === undefined ? "nothing" : JSON.stringify(found).slice(0, 60);
    return this.#refuse(name, `expected ${expected}, found ${shown}`);
  }

  #refuse(name: string, what: string): WbError {
    const place = this.#inside(name);
    return new WbError("WB2921", `${this.#path}: ${place === "" ? "the task" : place}: ${what}`, {
      details: { path: this.#path, field: place },
    });
  }

  #inside(name: string): string {
    return [this.#place, name].filter((part) => part !== "").join(".");
  }

  #take(name: string): unknown {
    this.#asked.add(name);
    return this.#raw[name];
  }
}
