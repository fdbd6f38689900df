import { isRecord, type RawConfig } from "../../../model/config/fields.ts";
import { WbError } from "../../../errors/wb-error.ts";

/** Typed access to one object of a tokenizer.json; messages name the file and the place in it. */
export class JsonPart {
  readonly raw: RawConfig;
  readonly file: string;
  readonly at: string;

  constructor(value: unknown, file: string, at: string) {
    this.file = file;
    this.at = at;
    if (!isRecord(value)) throw damaged(file, at, "an object", value);
    this.raw = value;
  }

  /** Undefined where it is null or not written. */
  optional(key: string): JsonPart | undefined {
    const value = this.raw[key];
    return value === undefined || value === null ? undefined : this.part(key);
  }

  part(key: string): JsonPart {
    return new JsonPart(this.raw[key], this.file, `${this.at}.${key}`);
  }

  parts(key: string): readonly JsonPart[] {
    return this.list(key).map(
      (value, index) => new JsonPart(value, this.file, `${this.at}.${key}[${index}]`),
    );
  }

  list(key: string): readonly unknown[] {
    const value = this.raw[key];
    if (Array.isArray(value)) return value;
    throw this.problem(key, "a list");
  }

  text(key: string, fallback?: string): string {
    const value = this.raw[key] ?? fallback;
    if (typeof value === "string") return value;
    throw this.problem(key, "a text");
  }

  optionalText(key: string): string | undefined {
    const value = this.raw[key];
    return value === undefined || value === null ? undefined : this.text(key);
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.raw[key] ?? fallback;
    if (typeof value === "boolean") return value;
    throw this.problem(key, "true or false");
  }

  /** A whole number from 0 on. */
  count(key: string, fallback?: number): number {
    const value = this.raw[key] ?? fallback;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.problem(key, "a whole number from 0 on");
  }

  problem(key: string, expected: string): WbError {
    return damaged(this.file, `${this.at}.${key}`, expected, this.raw[key]);
  }

  /** What this program cannot do as Python's `tokenizers` does. */
  unsupported(what: string): WbError {
    return new WbError("WB4801", `${this.file}: ${this.at}: ${what} is not supported`, {
      details: { path: this.file },
    });
  }
}

function damaged(file: string, at: string, expected: string, found: unknown): WbError {
  return new WbError("WB3802", `${file}: ${at}: expected ${expected}, found ${shown(found)}`, {
    details: { path: file },
  });
}

function shown(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value).slice(0, 40);
}
