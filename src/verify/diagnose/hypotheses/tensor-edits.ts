import {
  bf16ToF32Bits,
  f16ToF32Bits,
  f32BitsToBf16,
  f32BitsToF16,
} from "../../../tensor/float-bits.ts";
import { decodeFloats } from "../../../tensor/decode.ts";
import type { HostTensor } from "../../compare/model-runner.ts";

/** Rows and columns of a matrix; a vector is a column. */
export function sizeOf({ shape }: HostTensor): { readonly rows: number; readonly columns: number } {
  return { rows: shape[0] ?? 1, columns: shape[1] ?? 1 };
}

export function transposed(tensor: HostTensor): HostTensor {
  const { rows, columns } = sizeOf(tensor);
  const data = new Float32Array(tensor.data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      data[column * rows + row] = tensor.data[row * columns + column] ?? 0;
    }
  }
  return { shape: [columns, rows], data };
}

/** The same numbers in a row, taken as those of the transposed matrix: what was stored transposed under the shape before. */
export function reinterpreted(tensor: HostTensor): HostTensor {
  const { rows, columns } = sizeOf(tensor);
  return transposed({ shape: [columns, rows], data: tensor.data });
}

/** The first half of the rows, or of the columns, in the place of the second and the other way round. */
export function halvesExchanged(tensor: HostTensor, axis: "rows" | "columns"): HostTensor {
  const { rows, columns } = sizeOf(tensor);
  const count = axis === "rows" ? rows : columns;
  const order = Array.from(
    { length: count },
    (_unused, index) => (index + Math.ceil(count / 2)) % count,
  );
  return axis === "rows" ? takeRows(tensor, order) : takeColumns(tensor, order);
}

/** Row i of the result is row order[i] of the tensor. */
export function takeRows(tensor: HostTensor, order: readonly number[]): HostTensor {
  const width = tensor.data.length / (tensor.shape[0] ?? 1);
  const data = new Float32Array(order.length * width);
  for (const [index, row] of order.entries())
    data.set(tensor.data.subarray(row * width, (row + 1) * width), index * width);
  return { shape: [order.length, ...tensor.shape.slice(1)], data };
}

/** Column i of the result is column order[i] of the matrix. */
export function takeColumns(tensor: HostTensor, order: readonly number[]): HostTensor {
  const { rows, columns } = sizeOf(tensor);
  const data = new Float32Array(rows * order.length);
  for (let row = 0; row < rows; row++) {
    const [from, to] = [row * columns, row * order.length];
    for (let at = 0; at < order.length; at++)
      data[to + at] = tensor.data[from + (order[at] ?? 0)] ?? 0;
  }
  return { shape: [rows, order.length], data };
}

/** Tensors one above the other. */
export function stacked(tensors: readonly HostTensor[]): HostTensor {
  const rows = tensors.reduce((sum, { shape }) => sum + (shape[0] ?? 1), 0);
  const data = new Float32Array(tensors.reduce((sum, tensor) => sum + tensor.data.length, 0));
  let at = 0;
  for (const tensor of tensors) {
    data.set(tensor.data, at);
    at += tensor.data.length;
  }
  return { shape: [rows, ...(tensors[0]?.shape.slice(1) ?? [])], data };
}

/** Rows of heads in another order: block i of the result is block order[i]. */
export function headRows(order: readonly number[], headDim: number): readonly number[] {
  const rows: number[] = [];
  for (const head of order)
    for (let index = 0; index < headDim; index++) rows.push(head * headDim + index);
  return rows;
}

/**
 * Rows that make of interleaved rotary pairs (2j, 2j + 1) of the first `dims` dimensions of each head into halves (j, j + dims/2), which
 * LLaMA in transformers has; the others stay.
 */
export function halvesFromInterleaved(
  heads: number,
  headDim: number,
  dims: number,
): readonly number[] {
  const half = dims / 2;
  return Array.from({ length: heads * headDim }, (_unused, row) => {
    const index = row % headDim;
    if (index >= dims) return row;
    return row - index + (index < half ? 2 * index : 2 * (index - half) + 1);
  });
}

/** The permutation that undoes another. */
export function inverse(order: readonly number[]): readonly number[] {
  const result = Array.from({ length: order.length }, () => 0);
  for (const [index, value] of order.entries()) result[value] = index;
  return result;
}

export type HalfDtype = "F16" | "BF16";

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

function bitsOf(value: number, dtype: HalfDtype): number {
  float[0] = value;
  return dtype === "F16" ? f32BitsToF16(word[0] ?? 0) : f32BitsToBf16(word[0] ?? 0);
}

function valueOf(half: number, dtype: HalfDtype): number {
  word[0] = dtype === "F16" ? f16ToF32Bits(half) : bf16ToF32Bits(half);
  return float[0] ?? 0;
}

/** Each value's bits in a half dtype; undefined where it does not hold them all. */
export function exactHalves({ data }: HostTensor, dtype: HalfDtype): Uint16Array | undefined {
  const halves = new Uint16Array(data.length);
  for (let index = 0; index < data.length; index++) {
    const value = data[index] ?? 0;
    const bits = bitsOf(value, dtype);
    if (valueOf(bits, dtype) !== value && !Number.isNaN(value)) return undefined;
    halves[index] = bits;
  }
  return halves;
}

/** Halves as values of a dtype, with their bytes swapped first where asked. */
export function rereadHalves(
  shape: readonly number[],
  halves: Uint16Array,
  dtype: HalfDtype,
  swap: boolean,
): HostTensor {
  const bytes = Buffer.from(new Uint8Array(halves.buffer, halves.byteOffset, halves.byteLength));
  if (swap) bytes.swap16();
  return { shape, data: decodeFloats(bytes, dtype) ?? new Float32Array(0) };
}

/** Each float32's four bytes in reverse. */
export function swappedWords(tensor: HostTensor): HostTensor {
  const bytes = Buffer.from(tensor.data.slice().buffer);
  bytes.swap32();
  return {
    shape: tensor.shape,
    data: new Float32Array(bytes.buffer, bytes.byteOffset, tensor.data.length),
  };
}

/** Rounds every value to bfloat16. */
export function roundedToBf16(tensor: HostTensor): HostTensor {
  return {
    shape: tensor.shape,
    data: tensor.data.map((value) => valueOf(bitsOf(value, "BF16"), "BF16")),
  };
}

/** Rounds every value to binary16. */
export function roundedToF16(tensor: HostTensor): HostTensor {
  return {
    shape: tensor.shape,
    data: tensor.data.map((value) => valueOf(bitsOf(value, "F16"), "F16")),
  };
}

/** Whether a half dtype holds every value as it is. */
export function isExactIn(tensor: HostTensor, dtype: HalfDtype): boolean {
  return isRounded(tensor, tensor, dtype);
}

/** Whether every value is that of another tensor, rounded to a half dtype. */
export function isRounded(rounded: HostTensor, other: HostTensor, dtype: HalfDtype): boolean {
  if (rounded.data.length !== other.data.length) return false;
  for (let index = 0; index < other.data.length; index++) {
    const [value, from] = [rounded.data[index] ?? 0, other.data[index] ?? 0];
    const isSame = valueOf(bitsOf(from, dtype), dtype) === value;
    if (!isSame && !(Number.isNaN(value) && Number.isNaN(from))) return false;
  }
  return true;
}

/** Equal values everywhere; NaN equals NaN, −0 equals 0. */
export function sameValues(left: HostTensor, right: HostTensor): boolean {
  if (left.data.length !== right.data.length) return false;
  for (let index = 0; index < left.data.length; index++) {
    const [a, b] = [left.data[index] ?? 0, right.data[index] ?? 0];
    if (a !== b && !(Number.isNaN(a) && Number.isNaN(b))) return false;
  }
  return true;
}

/** Orders of `count` heads that a loader may have made: all of them for few heads, else the likely ones. */
export function headOrders(count: number): readonly (readonly number[])[] {
  const identity = Array.from({ length: count }, (_unused, index) => index);
  if (count < 2) return [];
  if (count <= 4)
    return permutations(identity).filter((order) => order.some((head, index) => head !== index));
  const orders: (readonly number[])[] = [identity.toReversed()];
  for (let shift = 1; shift < count; shift++)
    orders.push(identity.map((head) => (head + shift) % count));
  for (let rows = 2; rows < count; rows++) {
    if (count % rows !== 0) continue;
    const columns = count / rows;
    orders.push(identity.map((head) => (head % rows) * columns + Math.floor(head / rows)));
  }
  for (let left = 0; left < count; left++) {
    for (let right = left + 1; right < count; right++) {
      orders.push(identity.map((head) => (head === left ? right : head === right ? left : head)));
    }
  }
  return orders;
}

function permutations(items: readonly number[]): readonly (readonly number[])[] {
  if (items.length < 2) return [items];
  return items.flatMap((first) =>
    permutations(items.filter((item) => item !== first)).map((rest) => [first, ...rest]),
  );
}
