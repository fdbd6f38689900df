import type { ScopeResult } from "./ops.ts";
import { Scopes } from "./scopes.ts";

/** Memory of a device that several values may look at, each with a shape of its own. */
export interface SharedArray {
  readonly byteLength: number;
  /** Values that look at it. */
  users: number;
}

/** Owns the values of one backend: counts who looks at which array, and frees what a scope made. */
export abstract class HeldValues<A extends SharedArray, V extends { readonly array: A }> {
  readonly #scopes = new Scopes<V>((value) => {
    this.free(value);
  });
  readonly #values = new Set<V>();

  /** Gives back the memory of an array that no value looks at any more. */
  protected abstract release(array: A): void;

  protected track(value: V): V {
    value.array.users++;
    this.#values.add(value);
    this.#scopes.add(value);
    return value;
  }

  scope<T extends ScopeResult>(work: () => T): T {
    return this.#scopes.run(work);
  }

  /** Takes a value out of every scope around. */
  keep(value: V): void {
    this.#scopes.keep(value);
  }

  /** Frees a value; nothing when it is free already. */
  free(value: V): void {
    this.#scopes.keep(value);
    if (this.#values.delete(value)) this.leave(value.array);
  }

  protected leave(array: A): void {
    array.users--;
    if (array.users === 0) this.release(array);
  }

  /** Takes a value out of the books; its array stays, and is the caller's. */
  protected forget(value: V): void {
    this.#scopes.keep(value);
    this.#values.delete(value);
  }

  /** Every array that a value looks at. */
  protected arrays(): ReadonlySet<A> {
    return new Set([...this.#values].map(({ array }) => array));
  }

  protected get count(): number {
    return this.#values.size;
  }

  protected forgetAll(): void {
    this.#values.clear();
  }
}

/** Bytes of all of them. */
export function bytesOf(held: Iterable<{ readonly byteLength: number }>): number {
  let bytes = 0;
  for (const { byteLength } of held) bytes += byteLength;
  return bytes;
}
