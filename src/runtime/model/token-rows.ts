/** Positions of the tokens of a batch so far, and which of them may be seen. */
export class TokenRows {
  #positions: readonly Int32Array[];
  #visible: readonly Uint8Array[];

  constructor(batch: number) {
    this.#positions = Array.from({ length: batch }, () => new Int32Array(0));
    this.#visible = Array.from({ length: batch }, () => new Uint8Array(0));
  }

  /** L, tokens of each row. */
  get length(): number {
    return this.#positions[0]?.length ?? 0;
  }

  /** Positions of the L tokens of each row. */
  get positions(): readonly Int32Array[] {
    return this.#positions;
  }

  /** 1 for a token, 0 for padding, of each row. */
  get visible(): readonly Uint8Array[] {
    return this.#visible;
  }

  append(positions: readonly Int32Array[], visible: readonly Uint8Array[]): void {
    this.#positions = this.#positions.map((old, row) => joined(Int32Array, old, positions[row]));
    this.#visible = this.#visible.map((old, row) => joined(Uint8Array, old, visible[row]));
  }

  /** Keeps the first `length`. */
  truncate(length: number): void {
    this.#positions = this.#positions.map((row) => row.slice(0, length));
    this.#visible = this.#visible.map((row) => row.slice(0, length));
  }
}

function joined<T extends Int32Array | Uint8Array>(
  make: new (length: number) => T,
  old: T,
  more: T | undefined,
): T {
  const result = new make(old.length + (more?.length ?? 0));
  result.set(old);
  if (more !== undefined) result.set(more, old.length);
  return result;
}
