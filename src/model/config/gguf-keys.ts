import { WbError } from "../../errors/wb-error.ts";
import type { RawConfig } from "./fields.ts";
import { unsupported } from "./unsupported.ts";

/** The metadata of one architecture. */
export class GgufKeys {
  readonly architecture: string;
  readonly #metadata: ReadonlyMap<string, string>;
  readonly #path: string;

  constructor(metadata: ReadonlyMap<string, string>, path: string) {
    this.#metadata = metadata;
    this.#path = path;
    this.architecture = metadata.get("general.architecture") ?? "";
    if (this.architecture === "") throw this.#problem("general.architecture", "a name", undefined);
  }

  get path(): string {
    return this.#path;
  }

  full(name: string): string {
    return `${this.architecture}.${name}`;
  }

  text(name: string): string | undefined {
    return this.#metadata.get(this.full(name));
  }

  optional(name: string): number | undefined {
    return this.#amount(this.full(name));
  }

  /** As `optional`, of a key that says by 0 that there is none. */
  count(name: string): number | undefined {
    return this.text(name) === "0" ? undefined : this.optional(name);
  }

  number(name: string): number {
    const value = this.optional(name);
    if (value === undefined) throw this.#problem(this.full(name), "a number above 0", undefined);
    return value;
  }

  #amount(key: string): number | undefined {
    const text = this.#metadata.get(key);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (Number.isFinite(value) && value > 0) return value;
    throw this.#problem(key, "a number above 0", text);
  }

  #problem(key: string, expected: string, found: string | undefined): WbError {
    const shown = found === undefined ? "nothing" : JSON.stringify(found).slice(0, 80);
    return new WbError(
      "WB3701",
      `${this.#path}: ${key}: expected ${expected}, found ${shown}; it may be an array, of a number a layer`,
      { details: { path: this.#path, field: key, expected, found: shown } },
    );
  }

  /** A key that is not known may change what the model computes. */
  refuseUnknown(known: ReadonlySet<string>): void {
    const own = this.full("");
    for (const [key, value] of this.#metadata) {
      if (key.startsWith(own) && !known.has(key.slice(own.length)))
        throw unsupported(this.#path, key, value);
    }
  }

  /** Ids of the control tokens, as config.json has them. */
  tokenIds(): RawConfig {
    const ids: Record<string, number> = {};
    for (const [field, key] of TOKEN_IDS) {
      const text = this.#metadata.get(key);
      if (text !== undefined && Number.isSafeInteger(Number(text))) ids[field] = Number(text);
    }
    return ids;
  }
}

const TOKEN_IDS = [
  ["bos_token_id", "tokenizer.ggml.bos_token_id"],
  ["eos_token_id", "tokenizer.ggml.eos_token_id"],
  ["pad_token_id", "tokenizer.ggml.padding_token_id"],
] as const;
