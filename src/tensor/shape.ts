import { DTYPES, type Dtype } from "./dtype.ts";

/**
 * Number of elements, or undefined when a dimension is not a whole number ≥ 0 or the product passes 2^53 − 1. That of the
 * other dimensions counts beside a 0, too: numpy, torch and safetensors refuse such a shape where it overflows theirs.
 */
export function elementCount(shape: readonly number[]): number | undefined {
  if (shape.some((dimension) => !Number.isSafeInteger(dimension) || dimension < 0))
    return undefined;
  let count = 1;
  for (const dimension of shape) {
    count *= Math.max(1, dimension);
    if (!Number.isSafeInteger(count)) return undefined;
  }
  return shape.includes(0) ? 0 : count;
}

/** Bytes that `shape` of `dtype` takes without padding, or undefined on overflow or a part of a byte. */
export function byteCount(shape: readonly number[], dtype: Dtype): number | undefined {
  const elements = elementCount(shape);
  if (elements === undefined) return undefined;
  const bits = elements * DTYPES[dtype].bits;
  return Number.isSafeInteger(bits) && bits % 8 === 0 ? bits / 8 : undefined;
}

/** Strides in elements of a row-major (C order) tensor. */
export function rowMajorStrides(shape: readonly number[]): readonly number[] {
  const strides = Array.from({ length: shape.length }, () => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    strides[axis] = (strides[axis + 1] ?? 1) * Math.max(1, shape[axis + 1] ?? 1);
  }
  return strides;
}

/** Strides in elements of a column-major (Fortran order) tensor. */
export function columnMajorStrides(shape: readonly number[]): readonly number[] {
  return rowMajorStrides(shape.toReversed()).toReversed();
}

/** True when the elements follow one another in row-major order; strides of dimensions of size 1 do not matter. */
export function isRowMajor(shape: readonly number[], strides: readonly number[]): boolean {
  if (shape.includes(0)) return true;
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const dimension = shape[axis] ?? 1;
    if (dimension === 1) continue;
    if (strides[axis] !== expected) return false;
    expected *= dimension;
  }
  return true;
}

export function sameShape(left: readonly number[], right: readonly number[]): boolean {
  return left.length === right.length && left.every((dimension, axis) => dimension === right[axis]);
}

/** `[4096, 11008]`, as messages print a shape. */
export function renderShape(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}
