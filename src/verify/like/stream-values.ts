import { assemblyOf, wholeView } from "../../mapping/assembly.ts";
import { BufferRing } from "../../mapping/buffer-ring.ts";
import { streamAssembly } from "../../mapping/read-assembly.ts";
import { decodeValues } from "../../tensor/decode.ts";
import type { StoredTensor } from "../../tensor/table.ts";

const CHUNK_BYTES = 2 ** 20;

/** One after another is read, so one ring serves all. */
const buffers = new BufferRing();

/** Whether the dtype's values can be computed with: plain numbers, one an element. */
export function hasValues({ dtype }: StoredTensor): boolean {
  return (
    dtype !== "C32" &&
    dtype !== "C64" &&
    dtype !== "C128" &&
    decodeValues(new Uint8Array(0), dtype) !== undefined
  );
}

/** Gives a tensor's values in order, cut at the ends of rows. @param width Values of a row. */
export async function streamRows(
  tensor: StoredTensor,
  width: number,
  onPiece: (
    values: Float64Array,
    range: readonly [number, number],
    row: number,
    column: number,
  ) => void,
  signal?: AbortSignal,
): Promise<void> {
  let [row, column] = [0, 0];
  const options = { chunkBytes: CHUNK_BYTES, signal, buffers };
  await streamAssembly(assemblyOf(wholeView(tensor)), options, (chunk) => {
    const values = decodeValues(chunk, tensor.dtype) ?? new Float64Array(0);
    for (let begin = 0; begin < values.length;) {
      const end = Math.min(values.length, begin + width - column);
      onPiece(values, [begin, end], row, column);
      column += end - begin;
      if (column === width) [row, column] = [row + 1, 0];
      begin = end;
    }
  });
}

/** Values of a row: all axes but the first; a scalar is one row of one. */
export function rowWidth({ shape }: Pick<StoredTensor, "shape">): number {
  return shape.slice(1).reduce((product, size) => product * size, 1);
}
