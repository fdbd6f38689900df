import { elementCount, rowMajorStrides } from "../tensor/shape.ts";
import { copyPlane, type ElementBytes, type Plane } from "./element-copy.ts";
import { elementsTo } from "./view-runs.ts";

/** Elements in memory: the one at `index` is at element `offset + Σ index · strides` of `bytes`. */
export interface Spread {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly strides: readonly number[];
}

/** Copies all elements of a shape from one place to another, plane by plane over the last two axes. */
export function scatter(
  itemBytes: number,
  shape: readonly number[],
  from: Spread,
  to: Spread,
): void {
  if (itemBytes === 16) {
    // A complex number of two float64 is moved as two integers of 8 bytes.
    scatter(8, [...shape, 2], doubled(from), doubled(to));
    return;
  }
  const rows = shape.at(-2) ?? 1;
  const columns = shape.at(-1) ?? 1;
  for (const index of indexes(shape.slice(0, -2))) {
    copyPlane(
      from.bytes,
      to.bytes,
      elementWidth(itemBytes),
      { rows, columns },
      planeOf(from, index),
      planeOf(to, index),
    );
  }
}

function doubled({ bytes, offset, strides }: Spread): Spread {
  return { bytes, offset: 2 * offset, strides: [...strides.map((stride) => 2 * stride), 1] };
}

function planeOf({ offset, strides }: Spread, index: readonly number[]): Plane {
  return {
    begin: offset + elementsTo(index, strides),
    rowStride: strides.at(-2) ?? 0,
    columnStride: strides.at(-1) ?? 0,
  };
}

/** Every index of a shape, the last axis fastest; one empty index for a scalar. */
function* indexes(shape: readonly number[]): Generator<readonly number[]> {
  const count = elementCount(shape) ?? 0;
  const strides = rowMajorStrides(shape);
  for (let flat = 0; flat < count; flat++) {
    yield shape.map((size, axis) => Math.floor(flat / (strides[axis] ?? 1)) % size);
  }
}

/** Width of the integers as which elements of `itemBytes` are moved. */
export function elementWidth(itemBytes: number): ElementBytes {
  switch (itemBytes) {
    case 2:
    case 4:
    case 8:
      return itemBytes;
    default:
      return 1;
  }
}
