import { toLength, type Input } from "./input.ts";
import { DecodeFault, type Output } from "./output.ts";
import { xxh32 } from "./xxh32.ts";

/* Sources: the LZ4 frame format 1.6.4 and block format (github.com/lz4/lz4, doc/). */

export const LZ4_MAGIC = Buffer.from([0x04, 0x22, 0x4d, 0x18]);

/** Largest block of each size code. */
const BLOCK_BYTES = [0, 0, 0, 0, 2 ** 16, 2 ** 18, 2 ** 20, 2 ** 22];
const WINDOW_BYTES = 2 ** 16;
const MIN_MATCH = 4;

/** One frame with all its blocks. */
export function decodeLz4Frame(input: Input, output: Output): void {
  input.take(LZ4_MAGIC.byteLength);
  const begin = input.position;
  const flags = input.byte();
  const size = BLOCK_BYTES[input.byte() >> 4] ?? 0;
  if (flags >> 6 !== 1 || (flags & 2) !== 0 || size === 0)
    throw new DecodeFault("has flags that LZ4's frames do not know");
  const hasContentSize = (flags & 8) !== 0;
  const expected = hasContentSize ? toLength(input.u64(), "a length") : undefined;
  if ((flags & 1) !== 0) throw new DecodeFault("needs a dictionary that it does not hold");
  const descriptor = input.bytes.subarray(begin, input.position);
  if (input.byte() !== ((xxh32(descriptor) >>> 8) & 0xff))
    throw new DecodeFault("is damaged: its header has another checksum");
  const first = output.length;
  for (let header = input.u32(); header !== 0; header = input.u32()) {
    const byteLength = header & 0x7fffffff;
    if (byteLength > size) throw new DecodeFault("is damaged: a block is too long");
    const blockBegin = input.position;
    const isIndependent = (flags & 0x20) !== 0;
    const reach = isIndependent ? output.length : Math.max(first, output.length - WINDOW_BYTES);
    if (header >>> 31 === 1) input.move(byteLength, output);
    else decodeBlock(input, byteLength, output, reach, output.length + size);
    const block = input.bytes.subarray(blockBegin, blockBegin + byteLength);
    if ((flags & 0x10) !== 0 && input.u32() !== xxh32(block))
      throw new DecodeFault("is damaged: a block has another checksum");
  }
  if ((flags & 4) !== 0 && input.u32() !== xxh32(output.bytes.subarray(first)))
    throw new DecodeFault("is damaged: it has another checksum");
  if (expected !== undefined && expected !== output.length - first)
    throw new DecodeFault("is damaged: it has another length");
}

/** Literals and matches alternately; the last has literals alone. */
function decodeBlock(
  input: Input,
  byteLength: number,
  output: Output,
  reach: number,
  until: number,
): void {
  const { end } = input;
  input.end = Math.min(end, input.position + byteLength);
  for (;;) {
    const token = input.byte();
    input.move(longLength(input, token >> 4), output);
    if (input.left === 0) break;
    const distance = input.u16();
    if (distance === 0 || distance > output.length - reach)
      throw new DecodeFault("is damaged: a match begins before the block's beginning");
    const length = longLength(input, token & 15) + MIN_MATCH;
    if (length > until - output.length) throw new DecodeFault("is damaged: a block is too long");
    output.copy(distance, length);
  }
  if (output.length > until) throw new DecodeFault("is damaged: a block is too long");
  input.end = end;
}

function longLength(input: Input, nibble: number): number {
  let length = nibble;
  if (nibble < 15) return length;
  for (let byte = 255; byte === 255;) {
    byte = input.byte();
    length += byte;
  }
  return length;
}
