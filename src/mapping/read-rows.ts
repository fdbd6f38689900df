import { DTYPES, swapUnitBytes } from "../tensor/dtype.ts";
import { elementCount, isRowMajor, rowMajorStrides } from "../tensor/shape.ts";
import type { Assembly, TensorView } from "./assembly.ts";
import { swapBytes, type ElementBytes } from "./element-copy.ts";
import { gatherPieces } from "./gather.ts";
import { elementWidth, scatter } from "./scatter.ts";
import { elementsTo, runsOf } from "./view-runs.ts";
import { TransposeBuffer } from "./transpose-buffer.ts";

/** Rows `begin` to `end` (not included) of a logical tensor, as bytes of `buffer`. */
export async function readRows(
  assembly: Assembly,
  begin: number,
  end: number,
  buffer: TransposeBuffer,
): Promise<Uint8Array> {
  const strides = rowMajorStrides(assembly.shape);
  const rowElements = strides[0] ?? 1;
  const target = buffer.take((end - begin) * rowElements * (DTYPES[assembly.dtype].bits / 8));
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
          ? (first - begin) * rowElements
          : position * (strides[assembly.axis] ?? 1);
      await readView(band, { buffer, bytes: target, offset, strides });
    }
    position += size;
  }
  return target;
}

/** Where a window goes: its first element to element `offset` of `bytes`, which were taken from `buffer`. */
interface Place {
  readonly buffer: TransposeBuffer;
  readonly bytes: Uint8Array;
  readonly offset: number;
  /** In elements. */
  readonly strides: readonly number[];
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

/** Reads a window whose elements follow one another into `bytes`. */
export async function readInOrder(
  { tensor, elementOffset }: TensorView,
  bytes: Uint8Array,
): Promise<void> {
  const begin = tensor.byteOffset + elementOffset * (DTYPES[tensor.dtype].bits / 8);
  await tensor.source.readInto(begin, bytes);
  swapBytes(bytes, swapUnitOf(tensor));
}

const swapUnitOf = ({ byteOrder, dtype }: TensorView["tensor"]): number =>
  byteOrder === "big" ? swapUnitBytes(dtype) : 1;

async function readView(view: TensorView, place: Place): Promise<void> {
  const { tensor } = view;
  const { bytes, offset, strides } = place;
  const itemBytes = DTYPES[tensor.dtype].bits / 8;
  const count = elementCount(view.shape) ?? 0;
  if (count === 0) return;
  if (isRowMajor(view.shape, view.strides) && isRowMajor(view.shape, strides)) {
    await readInOrder(view, bytes.subarray(offset * itemBytes, (offset + count) * itemBytes));
    return;
  }
  const width = elementWidth(itemBytes);
  if (width === itemBytes && isTurned(view, strides)) {
    await readTurned(view, place, width);
    return;
  }
  for (const run of runsOf(view)) {
    const span = new Uint8Array(run.spanElements * itemBytes);
    await readInOrder(run, span);
    const from = { bytes: span, offset: 0, strides: run.strides };
    const to = { bytes, offset: offset + elementsTo(run.index, strides), strides };
    scatter(itemBytes, run.shape, from, to);
  }
}

/** True for a matrix whose columns follow one another in the source, and whose rows shall in the target. */
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

/**
 * Reads a transposed matrix: a piece of some of its columns, which follow one another in the source, then their transposition while they are
 * in the processor's cache.
 */
async function readTurned(
  view: TensorView,
  place: Place,
  elementBytes: ElementBytes,
): Promise<void> {
  const { tensor, elementOffset, strides } = view;
  const { buffer, offset } = place;
  const [rows = 0, columns = 0] = view.shape;
  const swapUnit = swapUnitOf(tensor);
  const stride = (place.strides[0] ?? 1) * elementBytes;
  const most = TransposeBuffer.mostColumns(elementBytes);
  for (let row = 0; row < rows; row += most) {
    const width = Math.min(most, rows - row);
    const group = buffer.group(width, elementBytes);
    for (let column = 0; column < columns; column += group.rows) {
      const count = Math.min(group.rows, columns - column);
      const first = elementOffset + row + column * (strides[1] ?? 0);
      const pieces = {
        begin: tensor.byteOffset + first * elementBytes,
        distance: (strides[1] ?? 0) * elementBytes,
        byteLength: width * elementBytes,
        count,
      };
      await gatherPieces(tensor.source, pieces, group.bytes, group.rowStride);
      swapBytes(group.bytes, swapUnit);
      const begin = offset * elementBytes + row * stride + column * elementBytes;
      buffer.transpose(group, count, width, elementBytes, { begin, stride });
    }
  }
}
