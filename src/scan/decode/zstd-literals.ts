import type { Input } from "./input.ts";
import { DecodeFault } from "./output.ts";
import { BackwardBits } from "./zstd-bits.ts";
import { FseState, readFseTable } from "./zstd-fse.ts";

/** Bytes of a block at most. */
export const MAX_BLOCK_BYTES = 2 ** 17;

const MAX_CODE_BITS = 11;
const MAX_WEIGHT_ACCURACY = 6;

/** Of each value of so many bits: the symbol that it begins with, and that symbol's bits. */
export interface HuffmanTable {
  readonly bits: number;
  readonly symbols: Uint8Array;
  readonly lengths: Uint8Array;
}

const RAW = 0;
const REPEATED = 1;
const COMPRESSED = 2;

/** The literals of a block, and the table that a later block may use again (RFC 8878, 3.1.1.3.1). */
export function readLiterals(
  input: Input,
  before: HuffmanTable | undefined,
): { readonly literals: Uint8Array; readonly table: HuffmanTable | undefined } {
  const first = input.byte();
  const kind = first & 3;
  const format = (first >> 2) & 3;
  if (kind === RAW || kind === REPEATED) {
    const size =
      (format & 1) === 0
        ? first >> 3
        : format === 1
          ? (first >> 4) + input.byte() * 16
          : (first >> 4) + input.byte() * 16 + input.byte() * 4096;
    checkSize(size);
    const literals = kind === RAW ? input.take(size) : new Uint8Array(size).fill(input.byte());
    return { literals, table: before };
  }
  const bits = format < 2 ? 10 : format === 2 ? 14 : 18;
  let fields = first >> 4;
  for (let have = 4; have < bits * 2; have += 8) fields += input.byte() * 2 ** have;
  const size = fields % 2 ** bits;
  const stored = Math.floor(fields / 2 ** bits);
  checkSize(size);
  let bytes = input.take(stored);
  let table = before;
  if (kind === COMPRESSED) {
    const read = readHuffmanTable(bytes);
    table = read.table;
    bytes = bytes.subarray(read.byteLength);
  }
  if (table === undefined) throw new DecodeFault("is damaged: literals without a table");
  const literals = new Uint8Array(size);
  if (format === 0) decodeStream(bytes, table, literals);
  else decodeFour(bytes, table, literals);
  return { literals, table };
}

function checkSize(size: number): void {
  if (size > MAX_BLOCK_BYTES) throw new DecodeFault("is damaged: a block is too long");
}

/** 4.2.2: four streams, whose first three lengths come before them. */
function decodeFour(bytes: Uint8Array, table: HuffmanTable, literals: Uint8Array): void {
  if (bytes.byteLength < 10) throw new DecodeFault("ends too early");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const part = Math.ceil(literals.byteLength / 4);
  let begin = 6;
  for (let stream = 0; stream < 4; stream++) {
    const end = stream < 3 ? begin + view.getUint16(stream * 2, true) : bytes.byteLength;
    if (end > bytes.byteLength) throw new DecodeFault("ends too early");
    const to = stream < 3 ? (stream + 1) * part : literals.byteLength;
    if (to > literals.byteLength)
      throw new DecodeFault("is damaged: too few literals for four streams");
    decodeStream(bytes.subarray(begin, end), table, literals.subarray(stream * part, to));
    begin = end;
  }
}

function decodeStream(bytes: Uint8Array, table: HuffmanTable, literals: Uint8Array): void {
  const input = new BackwardBits(bytes);
  const { bits, symbols, lengths } = table;
  for (let at = 0; at < literals.byteLength; at++) {
    const index = input.peek(bits);
    literals[at] = symbols[index] ?? 0;
    input.left -= lengths[index] ?? 0;
    if (input.left < 0) throw new DecodeFault("is damaged: literals end too early");
  }
  if (input.left !== 0) throw new DecodeFault("is damaged: literals end too late");
}

/** 4.2.1: a weight of each symbol but the last, whose weight follows from the others. */
function readHuffmanTable(bytes: Uint8Array): {
  readonly table: HuffmanTable;
  readonly byteLength: number;
} {
  const header = bytes[0];
  if (header === undefined) throw new DecodeFault("ends too early");
  const size = header < 128 ? header : Math.ceil((header - 127) / 2);
  const part = bytes.subarray(1, 1 + size);
  if (part.byteLength < size) throw new DecodeFault("ends too early");
  const weights = header < 128 ? readWeights(part) : plainWeights(part, header - 127);
  return { table: huffmanTable(weights), byteLength: 1 + size };
}

function plainWeights(bytes: Uint8Array, count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => {
    const byte = bytes[at >> 1] ?? 0;
    return at % 2 === 0 ? byte >> 4 : byte & 15;
  });
}

/** Two states take turns, until the bits of one of them are not there any more. */
function readWeights(bytes: Uint8Array): readonly number[] {
  const { table, byteLength } = readFseTable(bytes, {
    accuracy: MAX_WEIGHT_ACCURACY,
    symbol: 255,
  });
  const input = new BackwardBits(bytes.subarray(byteLength));
  const states = [new FseState(table, input), new FseState(table, input)] as const;
  if (input.left < 0) throw new DecodeFault("ends too early");
  const weights: number[] = [];
  for (let turn = 0; ; turn ^= 1) {
    const [state, other] = turn === 0 ? states : [states[1], states[0]];
    weights.push(state.symbol);
    state.advance(input);
    if (input.left < 0) {
      weights.push(other.symbol);
      return weights;
    }
    if (weights.length > 255) throw new DecodeFault("is damaged: a table has too many symbols");
  }
}

function huffmanTable(weights: readonly number[]): HuffmanTable {
  const sum = weights.reduce((total, weight) => total + (weight === 0 ? 0 : 2 ** (weight - 1)), 0);
  if (sum === 0 || weights.length > 255) throw new DecodeFault("is damaged: a table of no symbols");
  const bits = 32 - Math.clz32(sum);
  const left = 2 ** bits - sum;
  if (bits > MAX_CODE_BITS || (left & (left - 1)) !== 0)
    throw new DecodeFault("is damaged: a table whose codes do not fit");
  const all = [...weights, 32 - Math.clz32(left)];
  const symbols = new Uint8Array(2 ** bits);
  const lengths = new Uint8Array(2 ** bits);
  let at = 0;
  for (let weight = 1; weight <= bits; weight++)
    all.forEach((own, symbol) => {
      if (own !== weight) return;
      symbols.fill(symbol, at, at + 2 ** (weight - 1));
      lengths.fill(bits + 1 - weight, at, at + 2 ** (weight - 1));
      at += 2 ** (weight - 1);
    });
  return { bits, symbols, lengths };
}
