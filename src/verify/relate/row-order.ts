import { sizeOf, transposed } from "../diagnose/hypotheses/tensor-edits.ts";
import type { HostTensor } from "../compare/model-runner.ts";

/** Entry i says which row of the reference stands at row i. */
export type Order = readonly number[];

/**
 * Where each of our rows stands in the reference, by the rows' own bits; undefined when a row is not there, or when rows of zeros
 * stand where the reference has none: they are damage, and no row of its. Rows that stand there more than once are matched in order,
 * so that a permutation stays one.
 */
export function rowOrder(ours: HostTensor, reference: HostTensor): Order | undefined {
  if (!hasFirstRow(ours, reference)) return undefined;
  const width = widthOf(ours);
  const numbering = new RowNumbering(width);
  const places = new Map<number, number[]>();
  for (const [row, number] of numbering.numbersOf(reference).entries()) {
    const list = places.get(number) ?? [];
    places.set(number, list);
    list.push(row);
  }
  const words = wordsOf(ours);
  const used = new Map<number, number>();
  const order: number[] = [];
  for (let begin = 0; begin < words.length; begin += width) {
    const number = numbering.find(words, begin);
    const list = number === undefined ? undefined : places.get(number);
    if (number === undefined || list === undefined) return undefined;
    const nth = used.get(number) ?? 0;
    if (number === ZEROS && nth === list.length) return undefined;
    used.set(number, nth + 1);
    order.push(list[nth % list.length] ?? 0);
  }
  return order;
}

/** Where each of our columns stands in the reference, as `rowOrder` has it of rows. */
export function columnOrder(ours: HostTensor, reference: HostTensor): Order | undefined {
  return hasFirstColumn(ours, reference)
    ? rowOrder(transposed(ours), transposed(reference))
    : undefined;
}

/** Most tensors that differ have no row of each other's: then nothing is made of all of them. */
function hasFirstRow(ours: HostTensor, reference: HostTensor): boolean {
  const [left, right] = [wordsOf(ours), wordsOf(reference)];
  const width = left.length / Math.max(1, sizeOf(ours).rows);
  for (let begin = 0; begin + width <= right.length; begin += width)
    if (sameWords(left, 0, right, begin, width, 1)) return true;
  return false;
}

function hasFirstColumn(ours: HostTensor, reference: HostTensor): boolean {
  const [left, right] = [wordsOf(ours), wordsOf(reference)];
  const { rows, columns } = sizeOf(ours);
  for (let column = 0; column < columns; column++)
    if (sameWords(left, 0, right, column, rows, columns)) return true;
  return false;
}

/** Whether row i of ours has the values of row `order[i]` of the reference, for all of them. */
export function hasOrder(ours: HostTensor, reference: HostTensor, order: Order): boolean {
  const width = ours.data.length / Math.max(1, order.length);
  return ours.data.every((value, index) => {
    const from = (order[Math.floor(index / width)] ?? Number.NaN) * width + (index % width);
    return value === reference.data[from];
  });
}

/** The number of a row of zeros. */
export const ZEROS = 0;

/** A number for each row of some tensors of one width: the same one for rows of the same bits, −0 as 0, and for no others. */
export function rowNumbers(...tensors: readonly HostTensor[]): readonly (readonly number[])[] {
  const [first] = tensors;
  const numbering = new RowNumbering(first === undefined ? 0 : widthOf(first));
  return tensors.map((tensor) => numbering.numbersOf(tensor));
}

function widthOf(tensor: HostTensor): number {
  return tensor.data.length / Math.max(1, sizeOf(tensor).rows);
}

/** Numbers of rows of one width. Lists of a hash's rows are chains of numbers: tensors of a vocabulary have millions of parts. */
class RowNumbering {
  readonly #width: number;
  /** The first row of each number: its tensor, and where it begins. */
  readonly #words: Uint32Array[] = [];
  readonly #begins: number[] = [];
  /** The last number of each hash, and the one before it of each number. */
  readonly #last = new Map<number, number>();
  readonly #before: (number | undefined)[] = [];

  constructor(width: number) {
    this.#width = width;
    const zeros = new Uint32Array(width);
    this.#add(zeros, 0, hashOf(zeros, 0, width));
  }

  numbersOf(tensor: HostTensor): readonly number[] {
    const words = wordsOf(tensor);
    return Array.from({ length: words.length / this.#width }, (_unused, row) => {
      const begin = row * this.#width;
      const hash = hashOf(words, begin, this.#width);
      return this.find(words, begin, hash) ?? this.#add(words, begin, hash);
    });
  }

  /** The number of a row; undefined where it has none yet. */
  find(
    words: Uint32Array,
    begin: number,
    hash: number = hashOf(words, begin, this.#width),
  ): number | undefined {
    let number = this.#last.get(hash);
    while (number !== undefined) {
      const known = this.#words[number] ?? words;
      if (sameWords(words, begin, known, this.#begins[number] ?? 0, this.#width, 1)) return number;
      number = this.#before[number];
    }
    return undefined;
  }

  #add(words: Uint32Array, begin: number, hash: number): number {
    const number = this.#words.length;
    this.#words.push(words);
    this.#begins.push(begin);
    this.#before.push(this.#last.get(hash));
    this.#last.set(hash, number);
    return number;
  }
}

/** Whether the values of one may be those of the other in some order. False is certain: their sums of hashes differ. */
export function mayBeReordered(ours: HostTensor, reference: HostTensor): boolean {
  return hashSum(wordsOf(ours)) === hashSum(wordsOf(reference));
}

function hashSum(words: Uint32Array): number {
  let sum = 0;
  for (let at = 0; at < words.length; at++) sum = (sum + hashOf(words, at, 1)) | 0;
  return sum;
}

function wordsOf({ data }: HostTensor): Uint32Array {
  return new Uint32Array(data.buffer, data.byteOffset, data.length);
}

const MINUS_ZERO = 0x80000000;

function hashOf(words: Uint32Array, begin: number, width: number): number {
  let hash = 0;
  for (let at = begin; at < begin + width; at++) {
    const word = words[at] ?? 0;
    hash = Math.imul(hash ^ (word === MINUS_ZERO ? 0 : word), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash;
}

function sameWords(
  left: Uint32Array,
  leftBegin: number,
  right: Uint32Array,
  rightBegin: number,
  count: number,
  step: number,
): boolean {
  for (let index = 0, at = 0; index < count; index++, at += step) {
    const [a = 0, b = 0] = [left[leftBegin + at], right[rightBegin + at]];
    if (a !== b && !(a % MINUS_ZERO === 0 && b % MINUS_ZERO === 0)) return false;
  }
  return true;
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
