import type { Dtype } from "../../tensor/dtype.ts";
import type { HostTensor } from "../model-runner.ts";
import { roundedToBf16, sameValues, sizeOf } from "./tensor-edits.ts";

/** What a tensor's own values show, without a reference. */
export interface ValueFacts {
  readonly nonFinite: number;
  readonly allZero: boolean;
  /** Rows of nothing but zeros. */
  readonly zeroRows: readonly number[];
  /** Elements from the last one that is not zero to the end. */
  readonly zeroTail: number;
  /** Indices of elements far beyond all others. */
  readonly outliers: readonly number[];
  /** A coarser number format that every value fits, where the dtype could hold finer ones. */
  readonly grid: string | undefined;
}

/** How many times the 99.9 % quantile an element must be to stand out: honest weights stay below about 30. */
const OUTLIER_FACTOR = 200;

/** Elements at most that can be called outliers. */
const MAX_OUTLIERS = 16;

/** Values at least that a number format can be told from. */
const MIN_FOR_GRID = 64;

/** Looks at a tensor once or twice. */
export function valueFacts(tensor: HostTensor, dtype: Dtype): ValueFacts {
  const { data } = tensor;
  let [nonFinite, last] = [0, -1];
  for (let index = 0; index < data.length; index++) {
    const value = data[index] ?? 0;
    if (!Number.isFinite(value)) nonFinite++;
    if (value !== 0) last = index;
  }
  const allZero = last < 0;
  return {
    nonFinite,
    allZero,
    zeroRows: allZero ? [] : zeroRowsOf(tensor),
    zeroTail: allZero ? 0 : data.length - 1 - last,
    outliers: nonFinite > 0 ? [] : outliersOf(data),
    grid:
      allZero || nonFinite > 0 || data.length < MIN_FOR_GRID ? undefined : gridOf(tensor, dtype),
  };
}

function zeroRowsOf(tensor: HostTensor): readonly number[] {
  const { rows, columns } = sizeOf(tensor);
  if (columns < 2) return [];
  const zero: number[] = [];
  for (let row = 0; row < rows; row++) {
    if (tensor.data.subarray(row * columns, (row + 1) * columns).every((value) => value === 0))
      zero.push(row);
  }
  return zero;
}

function outliersOf(data: Float32Array): readonly number[] {
  const magnitudes = data.map(Math.abs).sort();
  const usual = magnitudes[Math.floor(magnitudes.length * 0.98)] ?? 0;
  const largest = magnitudes.at(-1) ?? 0;
  if (data.length < 16 || usual === 0 || largest < OUTLIER_FACTOR * usual) return [];
  const outliers: number[] = [];
  for (let index = 0; index < data.length && outliers.length <= MAX_OUTLIERS; index++) {
    if (Math.abs(data[index] ?? 0) >= OUTLIER_FACTOR * usual) outliers.push(index);
  }
  return outliers.length > MAX_OUTLIERS ? [] : outliers;
}

/** The coarsest of int4, int8, 8-bit floats and bfloat16 whose values these all are. */
export function gridOf(tensor: HostTensor, dtype: Dtype): string | undefined {
  if (!hasManyValues(tensor.data)) return undefined;
  const integer = integerGrid(tensor);
  if (integer !== undefined) return integer;
  if (dtype === "BF16") {
    return hasMantissa(tensor, 3) ? "8-bit float" : undefined;
  }
  if (hasMantissa(tensor, 3)) return "8-bit float";
  return sameValues(tensor, roundedToBf16(tensor)) ? "bfloat16" : undefined;
}

/** Different magnitudes at least before their format means anything: norms of ones fit every grid. */
const MIN_DISTINCT = 12;

function hasManyValues(data: Float32Array): boolean {
  const seen = new Set<number>();
  for (const value of data) {
    seen.add(Math.abs(value));
    if (seen.size >= MIN_DISTINCT) return true;
  }
  return false;
}

/** True when every value has at most so many bits behind its leading one. */
function hasMantissa(tensor: HostTensor, bits: number): boolean {
  const words = new Uint32Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.length);
  const mask = 2 ** (23 - bits) - 1;
  return words.every((word) => (word & mask) === 0);
}

/** Levels of a symmetric quantization and its name. */
const INTEGER_GRIDS: readonly (readonly [levels: number, name: string])[] = [
  [7, "int4"],
  [127, "int8"],
];

/** Elements of one row that block-wise quantization scales together. */
const BLOCK_SIZES = [32, 64, 128, 256];

/** Elements that one scale belongs to. */
interface Grouping {
  readonly size: number;
  readonly count: number;
  readonly of: (index: number) => number;
}

/**
 * Whether each row (or block of a row, or the whole tensor, or each column) is whole multiples of its largest value divided by 7 or 127, as
 * symmetric quantization leaves it. Values may have been rounded to a half dtype afterwards.
 */
function integerGrid(tensor: HostTensor): string | undefined {
  const { rows, columns } = sizeOf(tensor);
  const { length } = tensor.data;
  const groups: readonly Grouping[] = [
    { size: length, count: 1, of: () => 0 },
    { size: columns, count: rows, of: (index) => Math.floor(index / columns) },
    { size: rows, count: columns, of: (index) => index % columns },
    ...BLOCK_SIZES.filter((size) => columns % size === 0 && size < columns).map(
      (size): Grouping => ({ size, count: length / size, of: (index) => Math.floor(index / size) }),
    ),
  ];
  for (const [levels, name] of INTEGER_GRIDS) {
    // A group must have more values than levels, or anything would fit.
    const fits = groups.some(
      ({ size, count, of }) =>
        size > levels / 4 && size >= MIN_FOR_GRID / 2 && fitsGrid(tensor.data, levels, of, count),
    );
    if (fits) return name;
  }
  return undefined;
}

/** A value rounded to a half dtype may lie this far from its level, relative to itself. */
const GRID_SLACK = 2 ** -7.5;

function fitsGrid(
  data: Float32Array,
  levels: number,
  groupOf: (index: number) => number,
  count: number,
): boolean {
  const largest = new Float32Array(count);
  for (let index = 0; index < data.length; index++) {
    const group = groupOf(index);
    largest[group] = Math.max(largest[group] ?? 0, Math.abs(data[index] ?? 0));
  }
  let off = 0;
  for (let index = 0; index < data.length; index++) {
    const value = data[index] ?? 0;
    const step = (largest[groupOf(index)] ?? 0) / levels;
    if (step === 0 || value === 0) continue;
    const level = value / step;
    const error = Math.abs(level - Math.round(level));
    // Half of all random values are off by more than a quarter of a level; near large levels the slack is too wide to tell.
    if (Math.abs(level) * GRID_SLACK < 0.1 && error > Math.abs(level) * GRID_SLACK + 1e-3)
      return false;
    off += error;
  }
  return off / data.length < 0.1;
}
