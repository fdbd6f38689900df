import type { Input } from "./input.ts";
import { DecodeFault } from "./output.ts";

const MAX_CODE_BITS = 20;

/** Bits, the highest of a byte first. Behind the end are zeros, which may be looked at but not taken. */
export class Bits {
  readonly #input: Input;
  #held = 0;
  #count = 0;
  #padding = 0;

  constructor(input: Input) {
    this.#input = input;
  }

  /** The next bits, which stay; at most 24. */
  peek(count: number): number {
    while (this.#count < count) {
      const isThere = this.#input.left > 0;
      if (!isThere) this.#padding += 8;
      this.#held = ((this.#held << 8) | (isThere ? this.#input.byte() : 0)) >>> 0;
      this.#count += 8;
    }
    return (this.#held >>> (this.#count - count)) & (2 ** count - 1);
  }

  skip(count: number): void {
    this.#count -= count;
    if (this.#count < this.#padding) throw new DecodeFault("ends too early");
  }

  read(count: number): number {
    const value = this.peek(count);
    this.skip(count);
    return value;
  }

  wide(count: number): number {
    return this.read(count - 24) * 2 ** 24 + this.read(24);
  }

  /** Gives back the whole bytes that were only looked at. */
  end(): void {
    this.#input.position -= Math.floor((this.#count - this.#padding) / 8);
  }
}

/** Bits of a code that are looked up at once. */
const LOOKED_UP_BITS = 10;

/** Codes of one table: by length, the first code, and where their symbols begin. */
export interface Codes {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly symbols: Uint16Array;
  /** Of what a code may begin with: its symbol and, in the lowest five bits, its length; 0 for longer ones. */
  readonly short: Uint16Array;
}

/** Lengths of the codes of so many symbols, each told by how it differs from the one before. */
export function readCodes(bits: Bits, symbols: number): Codes {
  const lengths = new Uint8Array(symbols);
  let length = bits.read(5);
  for (let symbol = 0; symbol < symbols; symbol++) {
    for (;;) {
      if (length < 1 || length > MAX_CODE_BITS)
        throw new DecodeFault("is damaged: a code of no length");
      if (bits.read(1) === 0) break;
      length += bits.read(1) === 0 ? 1 : -1;
    }
    lengths[symbol] = length;
  }
  const count = new Int32Array(MAX_CODE_BITS + 1);
  for (const one of lengths) count[one] = (count[one] ?? 0) + 1;
  const first = new Int32Array(MAX_CODE_BITS + 1);
  for (let one = 1; one <= MAX_CODE_BITS; one++)
    first[one] = ((first[one - 1] ?? 0) + (count[one - 1] ?? 0)) * 2;
  const ordered = Array.from(lengths.keys()).toSorted(
    (left, right) => (lengths[left] ?? 0) - (lengths[right] ?? 0) || left - right,
  );
  const codes = { first, count, symbols: Uint16Array.from(ordered) };
  return { ...codes, short: shortCodes(codes) };
}

function shortCodes({ first, count, symbols }: Omit<Codes, "short">): Uint16Array {
  const short = new Uint16Array(2 ** LOOKED_UP_BITS);
  let before = 0;
  for (let length = 1; length <= LOOKED_UP_BITS; length++) {
    const width = 2 ** (LOOKED_UP_BITS - length);
    for (let place = 0; place < (count[length] ?? 0); place++) {
      const begin = ((first[length] ?? 0) + place) * width;
      short.fill(((symbols[before + place] ?? 0) << 5) | length, begin, begin + width);
    }
    before += count[length] ?? 0;
  }
  return short;
}

/** @throws DecodeFault for a code that stands for nothing. */
export function nextSymbol(bits: Bits, { first, count, symbols, short }: Codes): number {
  const next = bits.peek(MAX_CODE_BITS);
  const known = short[next >> (MAX_CODE_BITS - LOOKED_UP_BITS)] ?? 0;
  if (known !== 0) {
    bits.skip(known & 31);
    return known >> 5;
  }
  let before = 0;
  for (let length = 1; length <= MAX_CODE_BITS; length++) {
    const place = (next >> (MAX_CODE_BITS - length)) - (first[length] ?? 0);
    const here = count[length] ?? 0;
    if (place >= 0 && place < here) {
      bits.skip(length);
      return symbols[before + place] ?? 0;
    }
    before += here;
  }
  throw new DecodeFault("is damaged: a code that stands for nothing");
}
