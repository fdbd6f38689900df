import type { Input } from "./input.ts";
import { DecodeFault, type Output } from "./output.ts";

/**
 * LZMA's decoder: a range coder with adaptive probabilities over literals and matches.
 * Source: the LZMA specification (LZMA SDK, `lzma-specification.txt`, 2015).
 */

const PROBABILITY_BITS = 11;
const HALF = 1 << (PROBABILITY_BITS - 1);
const MOVE_BITS = 5;
const TOP = 2 ** 24;

const STATES = 12;
const MAX_POSITION_STATES = 16;
const LENGTH_STATES = 4;
const MIN_MATCH = 2;
const LITERAL_PROBABILITIES = 0x300;
/** Distances from this slot on are made of direct bits and four aligned ones. */
const FIRST_ALIGNED_SLOT = 14;
const FIRST_MODEL_SLOT = 4;
/** The slots' models between those two, one behind the other. */
const MODEL_DISTANCES = 128;

/** Where each model begins among the probabilities. */
const IS_MATCH = 0;
const IS_REP = IS_MATCH + STATES * MAX_POSITION_STATES;
const IS_REP_G0 = IS_REP + STATES;
const IS_REP_G1 = IS_REP_G0 + STATES;
const IS_REP_G2 = IS_REP_G1 + STATES;
const IS_REP0_LONG = IS_REP_G2 + STATES;
const SLOT = IS_REP0_LONG + STATES * MAX_POSITION_STATES;
const MODEL = SLOT + LENGTH_STATES * 64;
const ALIGN = MODEL + MODEL_DISTANCES;
const LENGTH = ALIGN + 16;
/** A length's two choices, eight short and eight middle ones of each position, and 256 long ones. */
const LENGTH_LOW = 2;
const LENGTH_MIDDLE = LENGTH_LOW + MAX_POSITION_STATES * 8;
const LENGTH_HIGH = LENGTH_MIDDLE + MAX_POSITION_STATES * 8;
const LENGTH_SIZE = LENGTH_HIGH + 256;
const REP_LENGTH = LENGTH + LENGTH_SIZE;
const LITERAL = REP_LENGTH + LENGTH_SIZE;

/** Literal context bits, literal position bits, position bits. */
export interface LzmaProperties {
  readonly lc: number;
  readonly lp: number;
  readonly pb: number;
}

/** The properties in one byte. @throws DecodeFault where they are none. */
export function lzmaProperties(byte: number): LzmaProperties {
  if (byte >= 9 * 5 * 5) throw new DecodeFault("has properties that LZMA does not know");
  return { lc: byte % 9, lp: Math.floor(byte / 9) % 5, pb: Math.floor(byte / 45) };
}

export class LzmaDecoder {
  readonly #output: Output;
  /** Distances beyond it are damage, as they are to other decoders. */
  readonly #dictionaryBytes: number;
  #properties: LzmaProperties = { lc: 0, lp: 0, pb: 0 };
  #probabilities = new Uint16Array(LITERAL);
  #state = 0;
  /** Distances of the last four matches, less one. */
  readonly #reps = new Uint32Array(4);
  /** Range and code: in an array, since they need all of their 32 bits. */
  readonly #coder = new Uint32Array(2);
  /** Byte of the output that positions count from. */
  #begin: number;

  constructor(output: Output, dictionaryBytes: number) {
    this.#output = output;
    this.#dictionaryBytes = Math.max(dictionaryBytes, 4096);
    this.#begin = output.length;
  }

  /** From here on nothing before is known. */
  resetDictionary(): void {
    this.#begin = this.#output.length;
  }

  resetState(properties: LzmaProperties = this.#properties): void {
    const { lc, lp } = properties;
    const count = LITERAL + (LITERAL_PROBABILITIES << (lc + lp));
    if (count !== this.#probabilities.length) this.#probabilities = new Uint16Array(count);
    this.#probabilities.fill(HALF);
    this.#properties = properties;
    this.#state = 0;
    this.#reps.fill(0);
  }

  /** Reads what a range coder begins with. */
  start(input: Input): void {
    if (input.byte() !== 0)
      throw new DecodeFault("is damaged: its range coder does not begin with 0");
    this.#coder[0] = 0xffffffff;
    let code = 0;
    for (let count = 0; count < 4; count++) code = code * 256 + input.byte();
    this.#coder[1] = code;
  }

  /** Whether the range coder ended as it should. */
  get isFinished(): boolean {
    return this.#coder[1] === 0;
  }

  /**
   * Decodes until the output has `until` bytes. @returns whether it met the mark of the end before.
   * @throws DecodeFault for damage.
   */
  decode(input: Input, until: number): boolean {
    const { lc, lp, pb } = this.#properties;
    const output = this.#output;
    const positionMask = (1 << pb) - 1;
    while (output.length < until) {
      const position = output.length - this.#begin;
      const positionState = position & positionMask;
      if (this.#bit(input, IS_MATCH + this.#state * MAX_POSITION_STATES + positionState) === 0) {
        this.#literal(input, position, lc, lp);
        continue;
      }
      const length = this.#match(input, positionState, position);
      if (length === undefined) return true;
      if (length > until - output.length)
        throw new DecodeFault("is damaged: a match reaches past its end");
      output.copy((this.#reps[0] ?? 0) + 1, length);
    }
    return false;
  }

  /** Takes the mark of the end, where a stream whose length is known may have one. */
  endMark(input: Input): boolean {
    const positionState = (this.#output.length - this.#begin) & ((1 << this.#properties.pb) - 1);
    if (this.#bit(input, IS_MATCH + this.#state * MAX_POSITION_STATES + positionState) === 0)
      return false;
    return this.#match(input, positionState, this.#output.length - this.#begin) === undefined;
  }

  /** Length of the next match, whose distance is then the first of the last ones; undefined for the mark of the end. */
  #match(input: Input, positionState: number, position: number): number | undefined {
    const reps = this.#reps;
    const state = this.#state;
    let length: number;
    if (this.#bit(input, IS_REP + state) === 0) {
      reps.copyWithin(1, 0, 3);
      length = this.#length(input, LENGTH, positionState);
      this.#state = state < 7 ? 7 : 10;
      reps[0] = this.#distance(input, length);
      if (reps[0] === 0xffffffff) return undefined;
    } else if (this.#bit(input, IS_REP_G0 + state) === 0) {
      if (this.#bit(input, IS_REP0_LONG + state * MAX_POSITION_STATES + positionState) === 0) {
        this.#state = state < 7 ? 9 : 11;
        length = 1;
      } else length = this.#repeated(input, positionState);
    } else {
      let from = 1;
      if (this.#bit(input, IS_REP_G1 + state) === 1)
        from = this.#bit(input, IS_REP_G2 + state) === 0 ? 2 : 3;
      const distance = reps[from] ?? 0;
      reps.copyWithin(1, 0, from);
      reps[0] = distance;
      length = this.#repeated(input, positionState);
    }
    const distance = reps[0] ?? 0;
    if (distance >= position || distance >= this.#dictionaryBytes)
      throw new DecodeFault("is damaged: a match begins before the stream's beginning");
    return length;
  }

  #repeated(input: Input, positionState: number): number {
    const length = this.#length(input, REP_LENGTH, positionState);
    this.#state = this.#state < 7 ? 8 : 11;
    return length;
  }

  #literal(input: Input, position: number, lc: number, lp: number): void {
    const output = this.#output;
    const previous = position === 0 ? 0 : output.at(output.length - 1);
    const context = ((position & ((1 << lp) - 1)) << lc) + (previous >> (8 - lc));
    const base = LITERAL + LITERAL_PROBABILITIES * context;
    let symbol = 1;
    if (this.#state >= 7) {
      let matched = output.at(output.length - (this.#reps[0] ?? 0) - 1);
      while (symbol < 0x100) {
        const expected = (matched >> 7) & 1;
        matched <<= 1;
        const bit = this.#bit(input, base + ((1 + expected) << 8) + symbol);
        symbol = (symbol << 1) | bit;
        if (bit !== expected) break;
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | this.#bit(input, base + symbol);
    output.push(symbol & 0xff);
    const state = this.#state;
    this.#state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
  }

  #length(input: Input, base: number, positionState: number): number {
    if (this.#bit(input, base) === 0)
      return MIN_MATCH + this.#tree(input, base + LENGTH_LOW + positionState * 8, 3);
    if (this.#bit(input, base + 1) === 0)
      return MIN_MATCH + 8 + this.#tree(input, base + LENGTH_MIDDLE + positionState * 8, 3);
    return MIN_MATCH + 16 + this.#tree(input, base + LENGTH_HIGH, 8);
  }

  /** Distance less one. */
  #distance(input: Input, length: number): number {
    const lengthState = Math.min(length - MIN_MATCH, LENGTH_STATES - 1);
    const slot = this.#tree(input, SLOT + lengthState * 64, 6);
    if (slot < FIRST_MODEL_SLOT) return slot;
    const bits = (slot >> 1) - 1;
    const base = (2 | (slot & 1)) * 2 ** bits;
    if (slot < FIRST_ALIGNED_SLOT) return base + this.#reversed(input, MODEL + base - slot, bits);
    let direct = 0;
    for (let count = bits - 4; count > 0; count--) direct = direct * 2 + this.#directBit(input);
    return base + direct * 16 + this.#reversed(input, ALIGN, 4);
  }

  #tree(input: Input, base: number, bits: number): number {
    let symbol = 1;
    for (let count = 0; count < bits; count++)
      symbol = (symbol << 1) | this.#bit(input, base + symbol);
    return symbol - (1 << bits);
  }

  /** Lowest bit first. */
  #reversed(input: Input, base: number, bits: number): number {
    let node = 1;
    let value = 0;
    for (let count = 0; count < bits; count++) {
      const bit = this.#bit(input, base + node);
      node = (node << 1) | bit;
      value |= bit << count;
    }
    return value;
  }

  #bit(input: Input, index: number): number {
    const coder = this.#coder;
    const probabilities = this.#probabilities;
    const range = coder[0] ?? 0;
    const code = coder[1] ?? 0;
    const probability = probabilities[index] ?? 0;
    const bound = (range >>> PROBABILITY_BITS) * probability;
    let bit = 0;
    if (code < bound) {
      coder[0] = bound;
      probabilities[index] = probability + ((2 * HALF - probability) >> MOVE_BITS);
    } else {
      coder[0] = range - bound;
      coder[1] = code - bound;
      probabilities[index] = probability - (probability >> MOVE_BITS);
      bit = 1;
    }
    this.#normalise(input);
    return bit;
  }

  #directBit(input: Input): number {
    const coder = this.#coder;
    const half = (coder[0] ?? 0) >>> 1;
    const code = coder[1] ?? 0;
    coder[0] = half;
    const bit = code < half ? 0 : 1;
    if (bit === 1) coder[1] = code - half;
    this.#normalise(input);
    return bit;
  }

  #normalise(input: Input): void {
    const coder = this.#coder;
    const range = coder[0] ?? 0;
    if (range >= TOP) return;
    coder[0] = range * 256;
    coder[1] = (coder[1] ?? 0) * 256 + input.byte();
  }
}
