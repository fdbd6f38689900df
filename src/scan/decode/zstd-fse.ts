import { DecodeFault } from "./output.ts";
import { ForwardBits, type BackwardBits } from "./zstd-bits.ts";

/** A table of finite state entropy (RFC 8878, 4.1): of each state its symbol, the bits to read, and what they are added to. */
export interface FseTable {
  readonly accuracy: number;
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
  readonly bases: Uint16Array;
}

const highestBit = (value: number): number => 31 - Math.clz32(value);

/** The table that a part begins with, and the bytes that it takes (4.1.1). */
export function readFseTable(
  bytes: Uint8Array,
  most: { readonly accuracy: number; readonly symbol: number },
): { readonly table: FseTable; readonly byteLength: number } {
  const input = new ForwardBits(bytes);
  const accuracy = input.read(4) + 5;
  if (accuracy > most.accuracy) throw new DecodeFault("is damaged: a table is too fine");
  const counts: number[] = [];
  let remaining = 2 ** accuracy;
  while (remaining > 0) {
    if (counts.length > most.symbol)
      throw new DecodeFault("is damaged: a table has too many symbols");
    const bits = highestBit(remaining + 1) + 1;
    const threshold = 2 ** bits - 1 - (remaining + 1);
    const lower = 2 ** (bits - 1) - 1;
    let value = input.read(bits - 1);
    if (value >= threshold) {
      value += input.read(1) * 2 ** (bits - 1);
      if (value > lower) value -= threshold;
    }
    const count = value - 1;
    counts.push(count);
    remaining -= Math.abs(count);
    if (count !== 0) continue;
    for (let zeros = 3; zeros === 3;) {
      zeros = input.read(2);
      for (let zero = 0; zero < zeros; zero++) counts.push(0);
    }
  }
  if (remaining < 0 || counts.length > most.symbol + 1)
    throw new DecodeFault("is damaged: a table has too many symbols");
  return { table: fseTable(counts, accuracy), byteLength: Math.ceil(input.position / 8) };
}

/** @param counts Of each symbol how many states it has; -1: one, for which all bits are read anew. */
export function fseTable(counts: readonly number[], accuracy: number): FseTable {
  const size = 2 ** accuracy;
  const symbols = new Uint8Array(size);
  const next = new Uint16Array(counts.length);
  let high = size;
  counts.forEach((count, symbol) => {
    next[symbol] = Math.abs(count);
    if (count === -1) symbols[--high] = symbol;
  });
  const step = (size >> 1) + (size >> 3) + 3;
  let place = 0;
  counts.forEach((count, symbol) => {
    for (let state = 0; state < count; state++) {
      symbols[place] = symbol;
      do place = (place + step) & (size - 1);
      while (place >= high);
    }
  });
  const bits = new Uint8Array(size);
  const bases = new Uint16Array(size);
  for (let state = 0; state < size; state++) {
    const symbol = symbols[state] ?? 0;
    const number = next[symbol] ?? 0;
    next[symbol] = number + 1;
    const count = accuracy - highestBit(number);
    bits[state] = count;
    bases[state] = number * 2 ** count - size;
  }
  return { accuracy, symbols, bits, bases };
}

/** The table of one symbol, for which nothing is read. */
export function oneSymbol(symbol: number): FseTable {
  return {
    accuracy: 0,
    symbols: Uint8Array.of(symbol),
    bits: new Uint8Array(1),
    bases: new Uint16Array(1),
  };
}

/** Where a part of codes stands in a table. */
export class FseState {
  readonly #table: FseTable;
  #state: number;

  constructor(table: FseTable, input: BackwardBits) {
    this.#table = table;
    this.#state = input.read(table.accuracy);
  }

  get symbol(): number {
    return this.#table.symbols[this.#state] ?? 0;
  }

  advance(input: BackwardBits): void {
    const { bits, bases } = this.#table;
    this.#state = (bases[this.#state] ?? 0) + input.read(bits[this.#state] ?? 0);
  }
}
