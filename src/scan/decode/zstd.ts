import { Input, toLength } from "./input.ts";
import { DecodeFault, type Output } from "./output.ts";
import { BackwardBits } from "./zstd-bits.ts";
import { FseState, type FseTable } from "./zstd-fse.ts";
import {
  LITERAL_BASES,
  LITERAL_BITS,
  LITERALS,
  MATCH_BASES,
  MATCH_BITS,
  MATCHES,
  numberTable,
  OFFSETS,
} from "./zstd-numbers.ts";
import { MAX_BLOCK_BYTES, readLiterals, type HuffmanTable } from "./zstd-literals.ts";
import { xxh64 } from "./xxh64.ts";

/* Source: RFC 8878 (Zstandard), whose sections the comments name. */

export const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

const RAW = 0;
const REPEATED = 1;
const COMPRESSED = 2;

/** Bytes of the content's size, by its flag (3.1.1.1.1). */
const SIZE_BYTES = [0, 2, 4, 8];
const DICTIONARY_BYTES = [0, 1, 2, 4];

/** What the blocks of a frame hand on. */
interface Frame {
  readonly output: Output;
  readonly begin: number;
  huffman: HuffmanTable | undefined;
  readonly tables: { literals?: FseTable; offsets?: FseTable; matches?: FseTable };
  /** The last three offsets. */
  readonly offsets: [number, number, number];
}

/** One frame with all its blocks (3.1.1). */
export function decodeZstdFrame(input: Input, output: Output): void {
  input.take(ZSTD_MAGIC.byteLength);
  const descriptor = input.byte();
  const isSingle = (descriptor & 0x20) !== 0;
  if ((descriptor & 8) !== 0) throw new DecodeFault("has flags that zstd does not know");
  if (!isSingle) input.byte();
  if (integer(input, DICTIONARY_BYTES[descriptor & 3] ?? 0) !== 0)
    throw new DecodeFault("needs a dictionary that it does not hold");
  const sizeBytes = SIZE_BYTES[descriptor >> 6] ?? 0;
  const isSized = isSingle || sizeBytes > 0;
  const size =
    integer(input, isSingle ? Math.max(1, sizeBytes) : sizeBytes) + (sizeBytes === 2 ? 256 : 0);
  const frame: Frame = {
    output,
    begin: output.length,
    huffman: undefined,
    tables: {},
    offsets: [1, 4, 8],
  };
  for (let isLast = false; !isLast;) {
    const header = integer(input, 3);
    isLast = (header & 1) === 1;
    decodeBlock(input, frame, (header >> 1) & 3, header >> 3);
  }
  const content = output.bytes.subarray(frame.begin);
  if ((descriptor & 4) !== 0 && BigInt(input.u32()) !== BigInt.asUintN(32, xxh64(content)))
    throw new DecodeFault("is damaged: it has another checksum");
  if (isSized && output.length - frame.begin !== size)
    throw new DecodeFault("is damaged: it has another length");
}

function integer(input: Input, byteLength: number): number {
  if (byteLength === 8) return toLength(input.u64(), "a length");
  let value = 0;
  for (let at = 0; at < byteLength; at++) value += input.byte() * 2 ** (at * 8);
  return value;
}

function decodeBlock(input: Input, frame: Frame, kind: number, size: number): void {
  if (size > MAX_BLOCK_BYTES) throw new DecodeFault("is damaged: a block is too long");
  if (kind === RAW) input.move(size, frame.output);
  else if (kind === REPEATED) frame.output.fill(input.byte(), size);
  else if (kind === COMPRESSED) decodeCompressed(new Input(input.take(size)), frame);
  else throw new DecodeFault("is damaged: a block of no kind");
}

/** 3.1.1.3: literals, and sequences of some of them and a match. */
function decodeCompressed(input: Input, frame: Frame): void {
  const { literals, table } = readLiterals(input, frame.huffman);
  frame.huffman = table;
  const { output } = frame;
  const until = output.length + MAX_BLOCK_BYTES;
  const count = sequenceCount(input);
  let used = 0;
  if (count > 0) used = decodeSequences(input, frame, literals, count, until);
  else if (input.left > 0) throw new DecodeFault("is damaged: a block has more than its literals");
  if (literals.byteLength - used > until - output.length)
    throw new DecodeFault("is damaged: a block is too long");
  output.append(literals.subarray(used));
}

function sequenceCount(input: Input): number {
  const first = input.byte();
  if (first < 128) return first;
  if (first < 255) return (first - 128) * 256 + input.byte();
  return input.byte() + input.byte() * 256 + 0x7f00;
}

/** @returns how many literals were used. */
function decodeSequences(
  input: Input,
  frame: Frame,
  literals: Uint8Array,
  count: number,
  until: number,
): number {
  const { output, tables } = frame;
  const modes = input.byte();
  if ((modes & 3) !== 0) throw new DecodeFault("is damaged: sequences of no kind");
  tables.literals = numberTable(input, modes >> 6, LITERALS, tables.literals);
  tables.offsets = numberTable(input, (modes >> 4) & 3, OFFSETS, tables.offsets);
  tables.matches = numberTable(input, (modes >> 2) & 3, MATCHES, tables.matches);
  const bits = new BackwardBits(input.take(input.left));
  const literalState = new FseState(tables.literals, bits);
  const offsetState = new FseState(tables.offsets, bits);
  const matchState = new FseState(tables.matches, bits);
  let used = 0;
  for (let left = count; left > 0; left--) {
    const offsetCode = offsetState.symbol;
    const value = 2 ** offsetCode + bits.read(offsetCode);
    const matchCode = matchState.symbol;
    const match = (MATCH_BASES[matchCode] ?? 0) + bits.read(MATCH_BITS[matchCode] ?? 0);
    const literalCode = literalState.symbol;
    const before = (LITERAL_BASES[literalCode] ?? 0) + bits.read(LITERAL_BITS[literalCode] ?? 0);
    if (left > 1) {
      literalState.advance(bits);
      matchState.advance(bits);
      offsetState.advance(bits);
    }
    if (bits.left < 0) throw new DecodeFault("is damaged: sequences end too early");
    if (before > literals.byteLength - used) throw new DecodeFault("is damaged: too few literals");
    if (before + match > until - output.length)
      throw new DecodeFault("is damaged: a block is too long");
    output.append(literals.subarray(used, used + before));
    used += before;
    const offset = nextOffset(frame.offsets, value, before);
    if (offset < 1 || offset > output.length - frame.begin)
      throw new DecodeFault("is damaged: a match begins before the frame's beginning");
    output.copy(offset, match);
  }
  if (bits.left !== 0) throw new DecodeFault("is damaged: sequences end too late");
  return used;
}

/** 3.1.1.5: values up to three name one of the last offsets; without literals, the one behind. */
function nextOffset(last: [number, number, number], value: number, literals: number): number {
  const [first, second, third] = last;
  if (value > 3) {
    last.splice(0, 3, value - 3, first, second);
    return value - 3;
  }
  const place = value - 1 + (literals === 0 ? 1 : 0);
  if (place === 0) return first;
  const offset = place === 1 ? second : place === 2 ? third : first - 1;
  last.splice(0, 3, offset, first, place === 1 ? third : second);
  return offset;
}
