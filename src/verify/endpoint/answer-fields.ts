import { WbError } from "../../errors/wb-error.ts";
import { isRecord } from "../../model/config/fields.ts";

/** Typed access to a server's answer; nothing of another type is believed. */
export class AnswerFields {
  readonly #url: string;
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #path: string;

  constructor(url: string, fields: Readonly<Record<string, unknown>>, path = "") {
    this.#url = url;
    this.#fields = fields;
    this.#path = path;
  }

  /** The object of that name; undefined where it is missing or null. */
  object(name: string): AnswerFields | undefined {
    const value = this.#of(name);
    if (value === undefined) return undefined;
    if (isRecord(value)) return new AnswerFields(this.#url, value, this.#at(name));
    throw this.wrong(name, "an object", value);
  }

  /** Keys and values of this object. */
  entries(): readonly (readonly [string, unknown])[] {
    return Object.entries(this.#fields);
  }

  objects(name: string): readonly AnswerFields[] | undefined {
    return this.list(name)?.map((value, index) => {
      if (isRecord(value)) return new AnswerFields(this.#url, value, `${this.#at(name)}[${index}]`);
      throw this.wrong(`${name}[${index}]`, "an object", value);
    });
  }

  list(name: string): readonly unknown[] | undefined {
    const value = this.#of(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw this.wrong(name, "a list", value);
    const list: readonly unknown[] = value;
    return list;
  }

  /** Token ids. */
  ids(name: string): readonly number[] | undefined {
    return this.list(name)?.map((value, index) => {
      if (isWhole(value)) return value;
      throw this.wrong(`${name}[${index}]`, "a token id", value);
    });
  }

  texts(name: string): readonly string[] | undefined {
    return this.list(name)?.map((value, index) => {
      if (typeof value === "string") return value;
      throw this.wrong(`${name}[${index}]`, "a text", value);
    });
  }

  text(name: string): string | undefined {
    const value = this.#of(name);
    if (value === undefined || typeof value === "string") return value;
    throw this.wrong(name, "a text", value);
  }

  whole(name: string): number | undefined {
    const value = this.#of(name);
    if (value === undefined || isWhole(value)) return value;
    throw this.wrong(name, "a whole number", value);
  }

  /** Logarithms of probabilities; null where there is none. Sums of float32 may come out a little above 0. */
  logprob(name: string, value: unknown): number | null {
    if (value === null || value === undefined) return null;
    if (typeof value === "number" && Number.isFinite(value) && value <= 0.01) return value;
    throw this.wrong(name, "the logarithm of a probability", value);
  }

  needed(name: string): WbError {
    return this.wrong(name, "a field of this name", undefined);
  }

  wrong(name: string, expected: string, value: unknown): WbError {
    const found = value === undefined ? "nothing" : JSON.stringify(value).slice(0, 80);
    return new WbError(
      "WB3961",
      `${this.#url}: ${this.#at(name)}: expected ${expected}, found ${found}`,
      { details: { url: this.#url, expected: `${this.#at(name)}: ${expected}`, found } },
    );
  }

  #of(name: string): unknown {
    return this.#fields[name] ?? undefined;
  }

  #at(name: string): string {
    return this.#path === "" ? name : `${this.#path}.${name}`;
  }
}

function isWhole(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
