import type { Dtype } from "../../tensor/dtype.ts";
import type { HostTensor } from "../compare/model-runner.ts";
import { isWhole, LARGEST_CODE } from "../relate/codes.ts";
import { gridOf } from "./number-grid.ts";
import { sizeOf } from "./tensor-edits.ts";

/** What a tensor's own values show, without a reference. */
export interface ValueFacts {
  readonly nonFinite: number;
  readonly allZero: boolean;
  /** Rows of nothing but zeros. */
  readonly zeroRows: readonly number[];
  /** Columns of nothing but zeros. */
  readonly zeroColumns: readonly number[];
  /** Elements from the last one that is not zero to the end. */
  readonly zeroTail: number;
  /** Indices of elements far beyond all others. */
  readonly outliers: readonly number[];
  /** The one value of all elements, other than 0, of tensors that have more than a few. */
  readonly constant: number | undefined;
  /** The largest magnitude where all values are whole numbers of at most 8 bits, and of many different sizes. */
  readonly codes: number | undefined;
  /** A coarser number format that every value fits, where the dtype could hold finer ones. */
  readonly grid: string | undefined;
}

/** How many times the 98 % quantile an element must be to stand out: honest weights stay below about 30. */
const OUTLIER_FACTOR = 200;

/** Elements at most that can be called outliers. */
const MAX_OUTLIERS = 16;

/** Elements that are not one value throughout by chance. */
const MIN_CONSTANT = 8;

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
    zeroColumns: allZero ? [] : zeroColumnsOf(tensor),
    zeroTail: allZero ? 0 : data.length - 1 - last,
    outliers: nonFinite > 0 ? [] : outliersOf(data),
    constant: allZero || data.length < MIN_CONSTANT ? undefined : constantOf(data),
    codes: codesOf(data),
    grid:
      allZero || nonFinite > 0 || data.length < MIN_FOR_GRID ? undefined : gridOf(tensor, dtype),
  };
}

function constantOf(data: Float32Array): number | undefined {
  const [first] = data;
  return data.every((value) => value === first) ? first : undefined;
}

function codesOf(data: Float32Array): number | undefined {
  if (!isWhole(data, -LARGEST_CODE, LARGEST_CODE)) return undefined;
  return data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
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

function zeroColumnsOf(tensor: HostTensor): readonly number[] {
  const { rows, columns } = sizeOf(tensor);
  if (tensor.shape.length < 2 || rows < 2) return [];
  const isZero = new Uint8Array(columns).fill(1);
  for (let index = 0; index < tensor.data.length; index++)
    if (tensor.data[index] !== 0) isZero[index % columns] = 0;
  return [...isZero.keys()].filter((column) => isZero[column] === 1);
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
