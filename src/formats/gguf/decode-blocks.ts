import type { BlockType } from "./block-types.ts";

/** The numbers of whole blocks, one block's after the other's, as gguf-py's `dequantize` makes them. */
export function decodeBlocks(bytes: Uint8Array, type: BlockType): Float32Array<ArrayBuffer> {
  const blocks = bytes.byteLength / type.bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numbers = new Float32Array(blocks * type.elements);
  for (let block = 0; block < blocks; block++)
    type.decode(view, block * type.bytes, numbers, block * type.elements);
  return numbers;
}
