import { Bits, nextSymbol, readCodes } from "./bzip2-codes.ts";
import type { Input } from "./input.ts";
import { DecodeFault, type Output } from "./output.ts";

/*
 * bzip2 has no specification of its maker's; the steps are those of J. Tsai's "bzip2 format specification" (2016): Huffman codes,
 * move to front, runs of zeros, the transform of Burrows and Wheeler, runs of bytes.
 */

export const BZIP2_MAGIC = Buffer.from("BZh", "latin1");

const BLOCK = 0x314159265359;
const END = 0x177245385090;
const GROUP_SYMBOLS = 50;
const MAX_TABLES = 6;
/** bzip2 1.0.8 takes more selectors than a block can use, and passes over those; other readers refuse them. */
const MAX_SELECTORS = 18_002;

/** One stream with all its blocks. */
export function decodeBzip2Stream(input: Input, output: Output): void {
  input.take(BZIP2_MAGIC.byteLength);
  const level = input.byte() - 0x30;
  if (level < 1 || level > 9) throw new DecodeFault("has a level that bzip2 does not know");
  const bits = new Bits(input);
  const block = new Uint32Array(level * 100_000);
  let combined = 0;
  for (;;) {
    const magic = bits.wide(48);
    const crc = bits.wide(32);
    if (magic === END) {
      bits.end();
      if (crc !== combined) throw new DecodeFault("is damaged: it has another checksum");
      return;
    }
    if (magic !== BLOCK) throw new DecodeFault("is damaged: a block has no mark");
    if (bits.read(1) === 1) throw new DecodeFault("is made by a bzip2 of before 0.9.5");
    const origin = bits.read(24);
    const count = readBlock(bits, block);
    if (origin >= count) throw new DecodeFault("is damaged: a block begins nowhere");
    const found = writeBlock(block, count, origin, output);
    if (found !== crc) throw new DecodeFault("is damaged: a block has another checksum");
    combined = (((combined << 1) | (combined >>> 31)) ^ crc) >>> 0;
  }
}

/** Fills `block` with a block's bytes as the transform left them. @returns how many. */
function readBlock(bits: Bits, block: Uint32Array): number {
  const used = readUsed(bits);
  const symbols = used.length + 2;
  const tables = bits.read(3);
  const selectorCount = bits.read(15);
  if (tables < 2 || tables > MAX_TABLES || selectorCount < 1)
    throw new DecodeFault("is damaged: a block has no codes");
  const selectors = readSelectors(bits, tables, selectorCount);
  const codes = Array.from({ length: tables }, () => readCodes(bits, symbols));
  const order = Uint8Array.from(used);
  let count = 0;
  let run = 0;
  let weight = 1;
  for (let at = 0; ; at++) {
    const table = codes[selectors[Math.floor(at / GROUP_SYMBOLS)] ?? MAX_TABLES];
    if (table === undefined) throw new DecodeFault("is damaged: a block has too few selectors");
    const symbol = nextSymbol(bits, table);
    if (symbol <= 1) {
      // A run's length in digits of one and two, the lowest first.
      run += weight * (symbol + 1);
      weight *= 2;
      if (run > block.length) throw new DecodeFault("is damaged: a block is too long");
      continue;
    }
    if (run > 0) {
      if (count + run > block.length) throw new DecodeFault("is damaged: a block is too long");
      block.fill(order[0] ?? 0, count, count + run);
      count += run;
      run = 0;
      weight = 1;
    }
    if (symbol === symbols - 1) return count;
    if (count >= block.length) throw new DecodeFault("is damaged: a block is too long");
    const byte = order[symbol - 1] ?? 0;
    order.copyWithin(1, 0, symbol - 1);
    order[0] = byte;
    block[count++] = byte;
  }
}

function readUsed(bits: Bits): readonly number[] {
  const ranges = bits.read(16);
  const used: number[] = [];
  for (let range = 0; range < 16; range++) {
    if ((ranges & (0x8000 >> range)) === 0) continue;
    const map = bits.read(16);
    for (let byte = 0; byte < 16; byte++)
      if ((map & (0x8000 >> byte)) !== 0) used.push(range * 16 + byte);
  }
  if (used.length === 0) throw new DecodeFault("is damaged: a block of no bytes");
  return used;
}

function readSelectors(bits: Bits, tables: number, count: number): Uint8Array {
  const order = Uint8Array.from({ length: tables }, (_, table) => table);
  const selectors = new Uint8Array(Math.min(count, MAX_SELECTORS));
  for (let at = 0; at < count; at++) {
    let place = 0;
    while (bits.read(1) === 1)
      if (++place >= tables) throw new DecodeFault("is damaged: a selector of no table");
    const table = order[place] ?? 0;
    order.copyWithin(1, 0, place);
    order[0] = table;
    selectors[at] = table;
  }
  return selectors;
}

/** The polynomial of CRC-32, highest bit first. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc >>> 0;
});

/** Undoes the transform and the runs of bytes. @returns the checksum of what was written. */
function writeBlock(block: Uint32Array, count: number, origin: number, output: Output): number {
  const next = new Uint32Array(256);
  for (let at = 0; at < count; at++) {
    const byte = (block[at] ?? 0) & 0xff;
    next[byte] = (next[byte] ?? 0) + 1;
  }
  let sum = 0;
  for (let byte = 0; byte < 256; byte++) {
    const here = next[byte] ?? 0;
    next[byte] = sum;
    sum += here;
  }
  // The upper 24 bits of each entry hold which one follows it.
  for (let at = 0; at < count; at++) {
    const byte = (block[at] ?? 0) & 0xff;
    const place = next[byte] ?? 0;
    next[byte] = place + 1;
    block[place] = ((block[place] ?? 0) & 0xff) | (at << 8);
  }
  const begin = output.length;
  let place = (block[origin] ?? 0) >>> 8;
  let same = 0;
  let previous = -1;
  for (let left = count; left > 0; left--) {
    const entry = block[place] ?? 0;
    const byte = entry & 0xff;
    place = entry >>> 8;
    if (same === 4) {
      output.fill(previous, byte);
      same = 0;
      previous = -1;
      continue;
    }
    same = byte === previous ? same + 1 : 1;
    previous = byte;
    output.push(byte);
  }
  return crcOf(output, begin);
}

function crcOf(output: Output, begin: number): number {
  const { bytes } = output;
  let crc = -1;
  for (let at = begin; at < bytes.byteLength; at++)
    crc = (crc << 8) ^ (CRC_TABLE[((crc >>> 24) ^ (bytes[at] ?? 0)) & 0xff] ?? 0);
  return ~crc >>> 0;
}
