import { madeSource } from "../../sources/made-source.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import type { BlockType } from "./block-types.ts";
import { decodeBlocks } from "./decode-blocks.ts";

const FLOAT_BYTES = 4;

/** Bytes of quantised blocks read at a time. */
const PIECE_BYTES = 2 ** 20;

/**
 * The numbers of quantised blocks as little-endian float32: what is asked for is decoded from the blocks that hold it.
 * @param begin Byte of the first block in `parent`.
 */
export function dequantizedSource(
  parent: ByteSource,
  begin: number,
  blocks: number,
  type: BlockType,
): ByteSource {
  const { label } = parent;
  const blockBytes = FLOAT_BYTES * type.elements;
  const byteLength = blocks * blockBytes;
  const most = Math.max(1, Math.floor(PIECE_BYTES / type.bytes));
  return madeSource({ label, byteLength }, async (from, target) => {
    const end = from + target.byteLength;
    let first = Math.floor(from / blockBytes);
    const last = Math.ceil(end / blockBytes);
    while (first < last) {
      const count = Math.min(most, last - first);
      const read = await parent.read(begin + first * type.bytes, count * type.bytes);
      const decoded = new Uint8Array(decodeBlocks(read, type).buffer);
      const at = first * blockBytes;
      const [cutFrom, cutEnd] = [Math.max(from, at), Math.min(end, at + decoded.byteLength)];
      target.set(decoded.subarray(cutFrom - at, cutEnd - at), cutFrom - from);
      first += count;
    }
  });
}
