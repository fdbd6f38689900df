import { isContiguous, narrowRows, type Assembly } from "../../mapping/assembly.ts";
import { readAssembly, streamAssembly, type StreamOptions } from "../../mapping/read-assembly.ts";
import { DTYPES } from "../../tensor/dtype.ts";
import { elementCount } from "../../tensor/shape.ts";

/** Gives the bytes of two logical tensors of one shape side by side, the same elements of both at a time, in order. */
export async function streamBoth(
  left: Assembly,
  right: Assembly,
  options: StreamOptions,
  onPair: (left: Uint8Array, right: Uint8Array) => void,
): Promise<void> {
  // What is in order can be read from any element on; the other side is streamed in whole rows.
  const isRightSought = isContiguous(right);
  const [streamed, sought] = isRightSought ? [left, right] : [right, left];
  const read = readerOf(sought);
  let begin = 0;
  await streamAssembly(streamed, options, async (chunk) => {
    const end = begin + (chunk.byteLength * 8) / DTYPES[streamed.dtype].bits;
    const other = await read(begin, end);
    begin = end;
    if (isRightSought) onPair(chunk, other);
    else onPair(other, chunk);
  });
}

/** Reads elements of a logical tensor; only whole rows where they are not in order. */
function readerOf(assembly: Assembly): (begin: number, end: number) => Promise<Uint8Array> {
  const count = elementCount(assembly.shape) ?? 0;
  if (isContiguous(assembly)) {
    const parts = assembly.parts.map((part) => ({ ...part, shape: [count], strides: [1] }));
    const flat = { ...assembly, shape: [count], axis: 0, parts };
    return (begin, end) => readAssembly(narrowRows(flat, begin, end));
  }
  const width = count / Math.max(1, assembly.shape[0] ?? 1);
  return (begin, end) => readAssembly(narrowRows(assembly, begin / width, end / width));
}
