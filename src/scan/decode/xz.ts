import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { crc64 } from "./crc64.ts";
import { undoDelta, undoX86 } from "./filters.ts";
import { toLength, type Input } from "./input.ts";
import { decodeLzma2 } from "./lzma-streams.ts";
import { DecodeFault, type Output } from "./output.ts";

/*
 * Source: the .xz file format 1.2.1 (tukaani.org/xz/xz-file-format.txt), whose sections the comments name.
 */

export const XZ_MAGIC = Buffer.from("\u00fd7zXZ\0", "latin1");

/** Bytes of each kind of checksum, by its number (2.1.1.2). */
const CHECK_BYTES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];
const CRC32 = 1;
const CRC64 = 4;
const SHA256 = 10;

const DELTA = 3n;
const X86 = 4n;
const LZMA2 = 0x21n;
const MAX_FILTERS = 4;

/** One stream with all its blocks, and the zeros behind it. */
export function decodeXzStream(input: Input, output: Output): void {
  const begin = input.position;
  input.take(XZ_MAGIC.byteLength);
  const flags = input.take(2);
  expectCrc(input, flags, "its header");
  const check = flags[1] ?? 0;
  if (flags[0] !== 0 || check > 15) throw new DecodeFault("has flags that .xz does not know");
  let blocks = 0;
  while (peek(input) !== 0) {
    decodeBlock(input, output, check, begin);
    blocks++;
  }
  readIndex(input, blocks, begin);
  input.u32();
  input.u32();
  const footer = input.take(4);
  if (footer[0] !== flags[0] || footer[1] !== flags[1] || footer[2] !== 0x59 || footer[3] !== 0x5a)
    throw new DecodeFault("is damaged: its footer is none");
  while (input.left >= 4 && isZero(input, 4)) input.take(4);
}

interface Filter {
  readonly id: bigint;
  readonly properties: Uint8Array;
}

/** 3: a header, the data, zeros to a multiple of four, a checksum. */
function decodeBlock(input: Input, output: Output, check: number, begin: number): void {
  const filters = blockFilters(input);
  const last = filters.at(-1);
  if (last?.id !== LZMA2) throw new DecodeFault("is not made by LZMA2");
  const first = output.length;
  try {
    decodeLzma2(input, output, lzma2DictionaryBytes(last.properties[0] ?? 0));
  } finally {
    for (const filter of filters.slice(0, -1).toReversed())
      undo(filter, output.bytes.subarray(first));
  }
  align(input, begin);
  const found = Buffer.from(input.take(CHECK_BYTES[check] ?? 0));
  const data = output.bytes.subarray(first);
  const isWrong =
    (check === CRC32 && found.readUInt32LE() !== crc32(data)) ||
    (check === CRC64 && found.readBigUInt64LE() !== crc64(data)) ||
    (check === SHA256 && !createHash("sha256").update(data).digest().equals(found));
  if (isWrong) throw new DecodeFault("is damaged: a block has another checksum");
}

function undo({ id, properties }: Filter, bytes: Uint8Array): void {
  if (id === DELTA) undoDelta(bytes, (properties[0] ?? 0) + 1);
  else undoX86(bytes);
}

/** 3.1: the filters of a block; their sizes are told again by the data itself. */
function blockFilters(input: Input): readonly Filter[] {
  const begin = input.position;
  const byteLength = ((input.byte() + 1) * 4) | 0;
  const { end } = input;
  if (byteLength - 1 > input.left) throw new DecodeFault("ends too early");
  input.end = begin + byteLength - 4;
  const flags = input.byte();
  if ((flags & 0x3c) !== 0) throw new DecodeFault("has a block with flags that .xz does not know");
  if ((flags & 0x40) !== 0) variable(input);
  if ((flags & 0x80) !== 0) variable(input);
  const filters: Filter[] = [];
  const count = (flags & 3) + 1;
  while (filters.length < Math.min(count, MAX_FILTERS)) {
    const id = variable(input);
    const properties = input.take(toLength(variable(input), "a filter"));
    const isLast = filters.length === count - 1;
    // An offset that x86's filter begins with is written by nobody.
    if (isLast ? id !== LZMA2 : id !== DELTA && !(id === X86 && properties.byteLength === 0))
      throw new DecodeFault(`is made by the filter 0x${id.toString(16)}, which scan does not undo`);
    filters.push({ id, properties });
  }
  if (!isZero(input, input.left)) throw new DecodeFault("is damaged: a block's header has more");
  input.position = input.end;
  input.end = end;
  expectCrc(input, input.bytes.subarray(begin, begin + byteLength - 4), "a block's header");
  return filters;
}

/** 5.3.1: bytes of the window that LZMA2 was made with. */
export function lzma2DictionaryBytes(bits: number): number {
  if (bits > 40) throw new DecodeFault("has a dictionary that .xz does not know");
  return bits === 40 ? 2 ** 32 - 1 : (2 | (bits & 1)) * 2 ** (Math.floor(bits / 2) + 11);
}

/** 4: the blocks' sizes, which are known by now. */
function readIndex(input: Input, blocks: number, begin: number): void {
  const first = input.position;
  input.byte();
  const count = variable(input);
  if (count !== BigInt(blocks)) throw new DecodeFault("is damaged: its index lists other blocks");
  for (let block = 0; block < blocks * 2; block++) variable(input);
  align(input, begin);
  expectCrc(input, input.bytes.subarray(first, input.position), "its index");
}

/** 1.2: seven bits a byte, the lowest first. */
function variable(input: Input): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 63n; shift += 7n) {
    const byte = input.byte();
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw new DecodeFault("is damaged: a number of more than nine bytes");
}

function align(input: Input, begin: number): void {
  while ((input.position - begin) % 4 !== 0)
    if (input.byte() !== 0) throw new DecodeFault("is damaged: its padding is not of zeros");
}

function expectCrc(input: Input, bytes: Uint8Array, what: string): void {
  if (input.u32() !== crc32(bytes))
    throw new DecodeFault(`is damaged: ${what} has another checksum`);
}

function isZero(input: Input, count: number): boolean {
  return input.bytes.subarray(input.position, input.position + count).every((byte) => byte === 0);
}

function peek(input: Input): number {
  const byte = input.byte();
  input.position--;
  return byte;
}
