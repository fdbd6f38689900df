import { DTYPES } from "../tensor/dtype.ts";
import { elementCount } from "../tensor/shape.ts";
import { isContiguous, type Assembly } from "./assembly.ts";
import { BufferRing } from "./buffer-ring.ts";
import { readInOrder, readRows } from "./read-rows.ts";

/** The ring of the last `readAssembly`, unless one is under way: to make one takes longer than many a tensor. */
let spare: BufferRing | undefined;

/** Bytes of it, since they are kept. */
const SPARE_BYTES = 8 * 2 ** 20;

export interface StreamOptions {
  /** Bytes of a chunk at most, unless one row has more; where it is left out, as many as fill a buffer. */
  readonly chunkBytes?: number;
  readonly signal?: AbortSignal | undefined;
  /** Buffers to use; own ones when left out. */
  readonly buffers?: BufferRing;
}

/** The logical tensor's elements, row-major and little-endian. */
export async function readAssembly(assembly: Assembly): Promise<Uint8Array> {
  const { rows, rowBytes } = geometryOf(assembly);
  const bytes = new Uint8Array(rows * rowBytes);
  const [part] = assembly.parts;
  if (part !== undefined && isContiguous(assembly)) {
    await readInOrder(part, bytes);
    return bytes;
  }
  let offset = 0;
  const buffers = spare ?? new BufferRing(1, SPARE_BYTES);
  spare = undefined;
  await streamAssembly(assembly, { buffers }, (chunk) => {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  });
  spare = buffers;
  return bytes;
}

/**
 * Gives the logical tensor's bytes in order, in chunks of whole rows (of any size where the bytes are in order). A chunk is only
 * valid until `onChunk`'s promise settles: its buffer is used again. While one chunk is at work the next is read.
 */
export async function streamAssembly(
  assembly: Assembly,
  options: StreamOptions,
  onChunk: (chunk: Uint8Array) => Promise<void> | void,
): Promise<void> {
  const flat = isContiguous(assembly) ? flattened(assembly) : assembly;
  const { rows, rowBytes } = geometryOf(flat);
  if (rows === 0 || rowBytes === 0) return;
  const { buffers = new BufferRing() } = options;
  const { chunkBytes = buffers.chunkBytes } = options;
  const band = Math.max(1, Math.floor(chunkBytes / rowBytes));
  const readBand = async (begin: number): Promise<Uint8Array> => {
    options.signal?.throwIfAborted();
    const end = Math.min(rows, begin + band);
    return readRows(flat, begin, end, buffers.next());
  };
  let ahead: Promise<Uint8Array> | undefined;
  try {
    for (let begin = 0; begin < rows; begin += band) {
      const chunk = await (ahead ?? readBand(begin));
      ahead = undefined;
      if (buffers.readsAhead && begin + band < rows) ahead = readBand(begin + band);
      await onChunk(chunk);
    }
  } catch (error) {
    // Nobody may use the buffers while a read into one is under way.
    await Promise.allSettled([ahead]);
    throw error;
  }
}

/** A contiguous tensor as one vector, which can be cut anywhere. */
function flattened(assembly: Assembly): Assembly {
  const count = elementCount(assembly.shape) ?? 0;
  const parts = assembly.parts.map((part) => ({ ...part, shape: [count], strides: [1] }));
  return { dtype: assembly.dtype, shape: [count], axis: 0, parts };
}

/** A tensor as rows: all axes but the first make a row; a scalar is one row of one element. */
function geometryOf(assembly: Assembly): { readonly rows: number; readonly rowBytes: number } {
  const [rows = 1, ...rest] = assembly.shape;
  const rowElements = elementCount(rest) ?? 0;
  return { rows, rowBytes: rowElements * (DTYPES[assembly.dtype].bits / 8) };
}
