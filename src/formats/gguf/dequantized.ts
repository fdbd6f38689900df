import { madeSource } from "../../sources/made-source.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import type { BlockType } from "./block-types.ts";

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
      const decoded = decodedBytes(
        await parent.read(begin + first * type.bytes, count * type.bytes),
        count,
        type,
      );
      const at = first * blockBytes;
      const [cutFrom, cutEnd] = [Math.max(from, at), Math.min(end, at + decoded.byteLength)];
      target.set(decoded.subarray(cutFrom - at, cutEnd - at), cutFrom - from);
      first += count;
    }
  });
}

function decodedBytes(bytes: Uint8Array, count: number, type: BlockType): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numbers = new Float32Array(count * type.elements);
  for (let block = 0; block < count; block++)
    type.decode(view, block * type.bytes, numbers, block * type.elements);
  return new Uint8Array(numbers.buffer);
}
