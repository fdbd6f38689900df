import { sizeOf } from "../diagnose/hypotheses/tensor-edits.ts";
import type { HostTensor } from "../compare/model-runner.ts";

/** Entry i says which row of the reference stands at row i. */
export type Order = readonly number[];

/**
 * Where each of our rows stands in the reference, by the rows' own bits; undefined when a row is not there, or when rows of zeros
 * stand where the reference has none: they are damage, and no row of its. Rows that stand there more than once are matched in order,
 * so that a permutation stays one.
 */
export function rowOrder(ours: HostTensor, reference: HostTensor): Order | undefined {
  const places = new Map<string, number[]>();
  for (const [row, key] of rowKeys(reference).entries()) {
    const list = places.get(key) ?? [];
    places.set(key, list);
    list.push(row);
  }
  const keys = rowKeys(ours);
  const zeros = keys.filter(isZeroKey).length;
  if (zeros > 0 && zeros > (places.get(keys.find(isZeroKey) ?? "")?.length ?? 0)) return undefined;
  const used = new Map<string, number>();
  const order: number[] = [];
  for (const key of keys) {
    const list = places.get(key);
    if (list === undefined) return undefined;
    const nth = used.get(key) ?? 0;
    used.set(key, nth + 1);
    order.push(list[nth % list.length] ?? 0);
  }
  return order;
}

/** Whether row i of ours has the values of row `order[i]` of the reference, for all of them. */
export function hasOrder(ours: HostTensor, reference: HostTensor, order: Order): boolean {
  const width = ours.data.length / Math.max(1, order.length);
  return ours.data.every((value, index) => {
    const from = (order[Math.floor(index / width)] ?? Number.NaN) * width + (index % width);
    return value === reference.data[from];
  });
}

/** The bits of each row as text, −0 as 0. Equal keys are equal rows. */
export function rowKeys(tensor: HostTensor): readonly string[] {
  const { rows } = sizeOf(tensor);
  const width = tensor.data.length / Math.max(1, rows);
  const positive = tensor.data.map((value) => value + 0);
  return Array.from({ length: rows }, (_unused, row) => {
    const part = positive.subarray(row * width, (row + 1) * width);
    return Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString("latin1");
  });
}

/** Whether a row's key is that of zeros. */
export function isZeroKey(key: string): boolean {
  return /^\0*$/u.test(key);
}

export function isPermutation(order: Order): boolean {
  return new Set(order).size === order.length;
}

export function isIdentity(order: Order): boolean {
  return order.every((from, index) => from === index);
}

/** One axis of a permutation: how many steps it has, and how far each goes in the reference. */
export interface Digit {
  readonly size: number;
  readonly stride: number;
}

/**
 * The axes of a permutation that only exchanges axes, from the outermost to the innermost; undefined when it is none. Every
 * such permutation is found, whatever its sizes: the strides stand in the order itself.
 */
export function axesOf(order: Order): readonly Digit[] | undefined {
  const inner: Digit[] = [];
  let block = 1;
  while (block < order.length) {
    const stride = order[block] ?? 0;
    let size = 2;
    while (size * block < order.length && order[size * block] === size * stride) size++;
    // A step that does not divide the rest is the beginning of another axis.
    while (size > 1 && (order.length / block) % size !== 0) size--;
    if (size < 2) return undefined;
    inner.push({ size, stride });
    block *= size;
  }
  const digits = inner.toReversed();
  return order.every((from, index) => from === placed(index, inner)) ? digits : undefined;
}

function placed(index: number, inner: readonly Digit[]): number {
  let [rest, from] = [index, 0];
  for (const { size, stride } of inner) {
    from += (rest % size) * stride;
    rest = Math.floor(rest / size);
  }
  return from;
}

/** By how much all rows are rolled: row i is row i + shift of the reference, round the end. */
export function rollOf(order: Order): number | undefined {
  const shift = order[0] ?? 0;
  return shift !== 0 && order.every((from, index) => from === (index + shift) % order.length)
    ? shift
    : undefined;
}

/** Equal parts that a permutation moves whole, the largest such parts, and how many a sentence can list at most. */
export function partOrder(order: Order, most: number): Order | undefined {
  for (let count = 2; count <= most; count++) {
    const parts = order.length % count === 0 ? blockOrder(order, order.length / count) : undefined;
    if (parts !== undefined) return parts;
  }
  return undefined;
}

/** The order of whole blocks of `size` rows; undefined when rows move inside blocks. */
export function blockOrder(order: Order, size: number): Order | undefined {
  if (size < 1 || order.length % size !== 0) return undefined;
  const blocks: number[] = [];
  for (let begin = 0; begin < order.length; begin += size) {
    const first = order[begin] ?? 0;
    if (first % size !== 0) return undefined;
    for (let row = 0; row < size; row++) if (order[begin + row] !== first + row) return undefined;
    blocks.push(first / size);
  }
  return blocks;
}
