import { WbError } from "../errors/wb-error.ts";
import type { ChoiceRules } from "../runtime/generation/choice-rules.ts";

/** Fields of generation_config.json; null counts as not written. */
export class Settings {
  readonly path: string;
  readonly used: string[] = [];
  readonly #asked = new Set<string>();
  readonly #raw: Readonly<Record<string, unknown>>;

  constructor(raw: Readonly<Record<string, unknown>>, path: string) {
    this.#raw = raw;
    this.path = path;
  }

  /** Fields that nothing asked for. */
  rest(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(
      Object.entries(this.#raw).filter(([name, value]) => value !== null && !this.#asked.has(name)),
    );
  }

  /** What was written of a field. */
  written(name: string): unknown {
    return this.#raw[name];
  }

  forget(name: string): void {
    this.used.splice(this.used.indexOf(name), 1);
  }

  #take<T>(name: string, expected: string, read: (value: unknown) => T | undefined): T | undefined {
    this.#asked.add(name);
    const value = this.#raw[name];
    if (value === undefined || value === null) return undefined;
    const taken = read(value);
    if (taken === undefined) {
      const found = JSON.stringify(value).slice(0, 80);
      throw new WbError("WB3701", `${this.path}: ${name}: expected ${expected}, found ${found}`, {
        details: { path: this.path, field: name, expected },
      });
    }
    this.used.push(name);
    return taken;
  }

  number(name: string, idle?: number): number | undefined {
    if (idle !== undefined && this.#raw[name] === idle) return this.#idle(name);
    return this.#take(name, "a number", (value) =>
      typeof value === "number" && Number.isFinite(value) ? value : undefined,
    );
  }

  whole(name: string, least: number, idle?: number): number | undefined {
    if (idle !== undefined && this.#raw[name] === idle) return this.#idle(name);
    return this.#take(name, `a whole number from ${least}`, (value) =>
      isWhole(value) && value >= least ? value : undefined,
    );
  }

  #idle(name: string): undefined {
    this.#asked.add(name);
  }

  flag(name: string): boolean | undefined {
    if (this.#raw[name] === false && name !== "do_sample") return this.#idle(name);
    return this.#take(name, "true or false", (value) =>
      typeof value === "boolean" ? value : undefined,
    );
  }

  /** An id or a list of ids. */
  ids(name: string): readonly number[] | undefined {
    return this.#take(name, "token ids", (value) => idList(Array.isArray(value) ? value : [value]));
  }

  idLists(name: string): readonly (readonly number[])[] | undefined {
    return this.#take(name, "lists of token ids", (value) => {
      const lists: readonly unknown[] = Array.isArray(value) ? value : [undefined];
      const read = lists.map((list) => (isFilled(list) ? idList(list) : undefined));
      return read.every((list) => list !== undefined) ? read : undefined;
    });
  }

  /** [[[10, 45], -2.0], …] */
  biases(name: string): ChoiceRules["sequenceBias"] {
    return this.#take(name, "pairs of a list of token ids and a number", (value) => {
      const pairs: readonly unknown[] = Array.isArray(value) ? value : [undefined];
      const read = pairs.map((pair) => {
        const both: readonly unknown[] = Array.isArray(pair) ? pair : [];
        const [list, bias] = both;
        const ids = isFilled(list) ? idList(list) : undefined;
        return ids === undefined || typeof bias !== "number" ? undefined : { ids, bias };
      });
      return read.every((entry) => entry !== undefined) ? read : undefined;
    });
  }

  pair(name: string): readonly [number, number] | undefined {
    return this.#take(name, "a count and a factor", (value) => {
      const list: readonly unknown[] = Array.isArray(value) ? value : [];
      const [start, factor] = list;
      return isWhole(start) && typeof factor === "number" ? [start, factor] : undefined;
    });
  }

  texts(name: string): readonly string[] {
    const read = this.#take(name, "texts", (value) => {
      const list: readonly unknown[] = Array.isArray(value) ? value : [value];
      return list.every((text): text is string => typeof text === "string" && text !== "")
        ? list
        : undefined;
    });
    return read ?? [];
  }
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isFilled(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length > 0;
}

function idList(values: readonly unknown[]): readonly number[] | undefined {
  return values.every((id) => isWhole(id)) ? values : undefined;
}
