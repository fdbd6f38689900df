import type { ScopeResult } from "./ops.ts";

/** Who frees what was made inside which scope; scopes nest. */
export class Scopes<V extends object> {
  readonly #dispose: (value: V) => void;
  readonly #open: Set<V>[] = [];

  constructor(dispose: (value: V) => void) {
    this.#dispose = dispose;
  }

  /** Puts a value that was just made into the innermost scope. */
  add(value: V): void {
    this.#open.at(-1)?.add(value);
  }

  /** Takes a value out of every scope. */
  keep(value: V): void {
    for (const made of this.#open) made.delete(value);
  }

  /** Runs `work` and frees every value that it made, except those in its result or `keep`-ed. */
  run<T extends ScopeResult>(work: () => T): T {
    const made = new Set<V>();
    this.#open.push(made);
    let result: T;
    try {
      result = work();
    } catch (error) {
      this.#open.pop();
      for (const value of made) this.#dispose(value);
      throw error;
    }
    this.#open.pop();
    const kept = new Set<unknown>(Array.isArray(result) ? result : [result]);
    const outer = this.#open.at(-1);
    for (const value of made) {
      if (!kept.has(value)) this.#dispose(value);
      else outer?.add(value);
    }
    return result;
  }
}
