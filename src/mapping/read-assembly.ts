import { swapUnitBytes, DTYPES } from "../tensor/dtype.ts";
import { elementCount, isRowMajor, rowMajorStrides } from "../tensor/shape.ts";
import { isContiguous, type Assembly, type TensorView } from "./assembly.ts";
import { copyPlane, swapBytes, type ElementBytes, type Plane } from "./element-copy.ts";
import { gatherPieces } from "./gather.ts";
import { paddedStride, transposeInto } from "./transpose.ts";

/** Bytes of a band of rows that is put together at a time, where the caller does not say. */
const DEFAULT_BAND_BYTES = 32 * 2 ** 20;

/**
 * A part whose elements lie in at most this many bytes more than it has itself is read in one piece; one that lies
 * further apart is read run by run.
 */
const SPAN_SLACK = 2;

/** Bytes of the piece of a turned matrix that is gathered before it is transposed. */
const GATHER_BYTES = 16 * 2 ** 20;

export interface StreamOptions {
  /** Bytes of a chunk at most, unless one row has more. */
  readonly chunkBytes?: number;
  readonly signal?: AbortSignal | undefined;
  readonly overlap?: boolean;
  /** Buffers to use, at least three for `overlap`; own ones when left out. */
  readonly buffers?: BufferRing;
}

/** The logical tensor's elements, row-major and little-endian. */
export async function readAssembly(assembly: Assembly, target?: Uint8Array): Promise<Uint8Array> {
  const { rows, rowElements, elementBytes } = geometryOf(assembly);
  const bytes = target ?? new Uint8Array(rows * rowElements * elementBytes);
  await readRows(assembly, 0, rows, bytes, newScratch());
  return bytes;
}

/**
 * Gives the logical tensor's bytes in order, in chunks of whole rows (of any size where the bytes lie in order). A chunk is only valid until `onChunk`'s promise
 * settles: its buffer is used again.
 *
 * While one chunk is at work the next is read. With `overlap`, `onChunk` is called for the next one already while the
 * promises of up to two before it are open; they are all settled at the end, or when one fails.
 */
export async function streamAssembly(
  assembly: Assembly,
  options: StreamOptions,
  onChunk: (chunk: Uint8Array) => Promise<void> | void,
): Promise<void> {
  const flat = isContiguous(assembly) ? flattened(assembly) : assembly;
  const { rows, rowElements, elementBytes } = geometryOf(flat);
  const rowBytes = rowElements * elementBytes;
  if (rows === 0 || rowBytes === 0) return;
  const band = Math.max(1, Math.floor((options.chunkBytes ?? DEFAULT_BAND_BYTES) / rowBytes));
  const buffers = options.buffers ?? new BufferRing();
  const readBand = async (index: number): Promise<Uint8Array> => {
    options.signal?.throwIfAborted();
    const end = Math.min(rows, (index + 1) * band);
    const chunk = await buffers.take((end - index * band) * rowBytes);
    await readRows(flat, index * band, end, chunk, buffers.scratch);
    return chunk;
  };
  const bands = Math.ceil(rows / band);
  let next = readBand(0);
  try {
    for (let index = 0; index < bands; index++) {
      const chunk = await next;
      if (index + 1 < bands) next = readBand(index + 1);
      const done = buffers.give(chunk, Promise.resolve(onChunk(chunk)));
      if (options.overlap !== true) await done;
    }
    await buffers.settled();
  } catch (error) {
    await Promise.allSettled([next, buffers.settled()]);
    throw error;
  }
}

/** Gives bytes with any content, the same ones again at the next call. */
type Scratch = (byteLength: number) => Uint8Array;

function newScratch(): Scratch {
  let bytes = new Uint8Array(0);
  return (byteLength) => {
    if (bytes.byteLength < byteLength) bytes = new Uint8Array(byteLength);
    return bytes.subarray(0, byteLength);
  };
}

/**
 * A few buffers in turn, each free again when the promise that came with it is settled. One ring may serve many tensors, so
 * that a conversion allocates its memory once.
 */
export class BufferRing {
  /** Memory for what is gathered before it is transposed. */
  readonly scratch: Scratch = newScratch();
  readonly #slots: { buffer: Uint8Array; busy: Promise<void> }[];
  #turn = 0;

  constructor(count = 3) {
    this.#slots = Array.from({ length: count }, () => ({
      buffer: new Uint8Array(0),
      busy: Promise.resolve(),
    }));
  }

  /** The next buffer in turn, of exactly `byteLength` bytes, when it is free. */
  async take(byteLength: number): Promise<Uint8Array> {
    const slot = this.#slots[this.#turn % this.#slots.length];
    this.#turn++;
    if (slot === undefined) return new Uint8Array(byteLength);
    await slot.busy;
    if (slot.buffer.byteLength < byteLength) slot.buffer = new Uint8Array(byteLength);
    return slot.buffer.subarray(0, byteLength);
  }

  /** Says that a buffer is in use until `busy` is settled; gives that promise, whose failure `settled` tells too. */
  give(chunk: Uint8Array, busy: Promise<void>): Promise<void> {
    const slot = this.#slots.find(({ buffer }) => buffer.buffer === chunk.buffer);
    if (slot !== undefined) slot.busy = busy;
    // Told by `settled` or by the next `take`; without this, Node would call it unhandled in between.
    busy.catch(() => undefined);
    return busy;
  }

  /** Waits for all buffers. @throws The first failure. */
  async settled(): Promise<void> {
    await Promise.all(this.#slots.map(({ busy }) => busy));
  }
}

/** A contiguous tensor as one vector, which can be cut anywhere. */
function flattened(assembly: Assembly): Assembly {
  const count = elementCount(assembly.shape) ?? 0;
  const parts = assembly.parts.map((part) => ({ ...part, shape: [count], strides: [1] }));
  return { dtype: assembly.dtype, shape: [count], axis: 0, parts };
}

interface Geometry {
  readonly rows: number;
  readonly rowElements: number;
  readonly elementBytes: number;
}

/** A tensor as rows: all axes but the first make a row; a scalar is one row of one element. */
function geometryOf(assembly: Assembly): Geometry {
  const [rows = 1, ...rest] = assembly.shape;
  return {
    rows,
    rowElements: elementCount(rest) ?? 0,
    elementBytes: DTYPES[assembly.dtype].bits / 8,
  };
}

/** Fills `target` with rows `begin` to `end`. */
async function readRows(
  assembly: Assembly,
  begin: number,
  end: number,
  target: Uint8Array,
  scratch: Scratch,
): Promise<void> {
  const strides = rowMajorStrides(assembly.shape);
  let position = 0;
  for (const part of assembly.parts) {
    const size = part.shape[assembly.axis] ?? 1;
    const first = assembly.axis === 0 ? Math.max(begin, position) : begin;
    const last = assembly.axis === 0 ? Math.min(end, position + size) : end;
    if (first < last) {
      const band =
        assembly.axis === 0
          ? rowsOf(part, first - position, last - position)
          : rowsOf(part, begin, end);
      const offset =
        assembly.axis === 0
          ? (first - begin) * (strides[0] ?? 1)
          : position * (strides[assembly.axis] ?? 1);
      await readView(band, target, offset, strides, scratch);
    }
    position += size;
  }
}

/** Rows `begin` to `end` of a window; a scalar has one row. */
function rowsOf(view: TensorView, begin: number, end: number): TensorView {
  if (view.shape.length === 0) return view;
  return {
    ...view,
    elementOffset: view.elementOffset + begin * (view.strides[0] ?? 0),
    shape: [end - begin, ...view.shape.slice(1)],
  };
}

/** Copies a window into `target`, whose element at `offset` is the window's first, and whose strides are given. */
async function readView(
  view: TensorView,
  target: Uint8Array,
  offset: number,
  targetStrides: readonly number[],
  scratch: Scratch,
): Promise<void> {
  const { tensor } = view;
  const itemBytes = DTYPES[tensor.dtype].bits / 8;
  const count = elementCount(view.shape) ?? 0;
  if (count === 0) return;
  const swapUnit = tensor.byteOrder === "big" ? swapUnitBytes(tensor.dtype) : 1;
  const begin = tensor.byteOffset + view.elementOffset * itemBytes;
  if (isRowMajor(view.shape, view.strides) && isRowMajor(view.shape, targetStrides)) {
    const bytes = target.subarray(offset * itemBytes, (offset + count) * itemBytes);
    await tensor.source.readInto(begin, bytes);
    swapBytes(bytes, swapUnit);
    return;
  }
  const width = elementWidth(itemBytes);
  if (width === itemBytes && isTurned(view, targetStrides)) {
    await readTurned(view, target, offset, targetStrides[0] ?? 1, {
      elementBytes: width,
      swapUnit,
      scratch,
    });
    return;
  }
  const runs = splitRuns(view, count);
  for (const run of runs) {
    const spanBytes = (spanOf(run.shape, run.strides) + 1) * itemBytes;
    const span = new Uint8Array(spanBytes);
    await tensor.source.readInto(
      begin + (run.elementOffset - view.elementOffset) * itemBytes,
      span,
    );
    swapBytes(span, swapUnit);
    const runOffset = offset + targetElements(run.index, targetStrides);
    scatter(span, target, itemBytes, run.shape, run.strides, runOffset, targetStrides);
  }
}

/** True for a matrix whose columns lie one after another in the source, and whose rows shall in the target. */
function isTurned({ shape, strides }: TensorView, targetStrides: readonly number[]): boolean {
  const [rows = 0, columns = 0] = shape;
  const [rowStride, columnStride = 0] = strides;
  return (
    shape.length === 2 &&
    rows > 1 &&
    columns > 1 &&
    rowStride === 1 &&
    columnStride >= rows &&
    targetStrides[1] === 1
  );
}

interface TurnOptions {
  readonly elementBytes: ElementBytes;
  readonly swapUnit: number;
  readonly scratch: Scratch;
}

/** Reads a turned matrix band by band of its rows: a piece of every column of the source, then their transposition. */
async function readTurned(
  view: TensorView,
  target: Uint8Array,
  offset: number,
  targetStride: number,
  { elementBytes, swapUnit, scratch }: TurnOptions,
): Promise<void> {
  const { tensor, elementOffset, strides } = view;
  const [rows = 0, columns = 0] = view.shape;
  const fitting = Math.floor(GATHER_BYTES / (columns * elementBytes));
  const band = Math.min(rows, Math.max(2, fitting - (fitting % 2)));
  const stride = paddedStride(band, elementBytes);
  const gathered = scratch(columns * stride * elementBytes);
  for (let row = 0; row < rows; row += band) {
    const count = Math.min(band, rows - row);
    const pieces = {
      begin: tensor.byteOffset + (elementOffset + row) * elementBytes,
      distance: (strides[1] ?? 0) * elementBytes,
      byteLength: count * elementBytes,
      count: columns,
    };
    await gatherPieces(tensor.source, pieces, gathered, stride * elementBytes);
    swapBytes(gathered, swapUnit);
    transposeInto(
      gathered,
      target,
      elementBytes,
      { rows: columns, columns: count },
      { begin: 0, rowStride: stride },
      { begin: offset + row * targetStride, rowStride: targetStride },
    );
  }
}

interface Run extends TensorView {
  /** Index of the run's first element in the window, one number an axis. */
  readonly index: readonly number[];
}

/** Elements from the first to the last of a window. */
function spanOf(shape: readonly number[], strides: readonly number[]): number {
  return shape.reduce((sum, size, axis) => sum + (size - 1) * (strides[axis] ?? 0), 0);
}

/**
 * Cuts a window that is scattered over much more of the file than it has elements into windows that are not: along the axis
 * with the longest stride, as often as needed. A transposed matrix of which a band of columns is wanted becomes one
 * window a row of the file.
 */
function splitRuns(view: TensorView, count: number): readonly Run[] {
  const whole: Run = { ...view, index: view.shape.map(() => 0) };
  if (spanOf(view.shape, view.strides) < SPAN_SLACK * count) return [whole];
  const longest = view.strides.reduce(
    (best, stride, axis) =>
      (view.shape[axis] ?? 1) > 1 && (best < 0 || stride > (view.strides[best] ?? 0)) ? axis : best,
    -1,
  );
  const size = view.shape[longest] ?? 1;
  const stride = view.strides[longest] ?? 0;
  const shape = view.shape.map((length, axis) => (axis === longest ? 1 : length));
  const runs: Run[] = [];
  for (let step = 0; step < size; step++) {
    const slice: TensorView = { ...view, shape, elementOffset: view.elementOffset + step * stride };
    for (const run of splitRuns(slice, count / size)) {
      runs.push({
        ...run,
        index: run.index.map((value, axis) => (axis === longest ? step : value)),
      });
    }
  }
  return runs;
}

function targetElements(index: readonly number[], strides: readonly number[]): number {
  return index.reduce((sum, value, axis) => sum + value * (strides[axis] ?? 0), 0);
}

/** Copies a window that lies in memory to its place, plane by plane over the last two axes. */
function scatter(
  span: Uint8Array,
  target: Uint8Array,
  itemBytes: number,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
  targetStrides: readonly number[],
): void {
  if (itemBytes === 16) {
    // A complex number of two float64 is moved as two integers of 8 bytes.
    scatter(span, target, 8, [...shape, 2], doubled(strides), 2 * offset, doubled(targetStrides));
    return;
  }
  const rows = shape.at(-2) ?? 1;
  const columns = shape.at(-1) ?? 1;
  const outer = shape.slice(0, -2);
  for (const index of indexes(outer)) {
    copyPlane(
      span,
      target,
      elementWidth(itemBytes),
      { rows, columns },
      planeOf(strides, targetElements(index, strides)),
      planeOf(targetStrides, offset + targetElements(index, targetStrides)),
    );
  }
}

function doubled(strides: readonly number[]): readonly number[] {
  return [...strides.map((stride) => 2 * stride), 1];
}

function planeOf(strides: readonly number[], begin: number): Plane {
  return { begin, rowStride: strides.at(-2) ?? 0, columnStride: strides.at(-1) ?? 0 };
}

/** Every index of a shape, the last axis fastest; one empty index for a scalar. */
function* indexes(shape: readonly number[]): Generator<readonly number[]> {
  const count = elementCount(shape) ?? 0;
  const strides = rowMajorStrides(shape);
  for (let flat = 0; flat < count; flat++) {
    yield shape.map((size, axis) => Math.floor(flat / (strides[axis] ?? 1)) % size);
  }
}

function elementWidth(itemBytes: number): ElementBytes {
  switch (itemBytes) {
    case 2:
    case 4:
    case 8:
      return itemBytes;
    default:
      return 1;
  }
}
