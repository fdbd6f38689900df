import type { Dtype } from "../../../tensor/dtype.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { lostScales, type Codes } from "../../relate/codes.ts";
import { gridOf } from "./number-grid.ts";
import { sizeOf } from "../hypotheses/tensor-edits.ts";

/** What a tensor's own values show, without a reference. */
export interface ValueFacts {
  readonly elements: number;
  /** Of a row. */
  readonly columns: number;
  readonly nonFinite: number;
  readonly allZero: boolean;
  /** Rows of nothing but zeros. */
  readonly zeroRows: readonly number[];
  /** Columns of nothing but zeros. */
  readonly zeroColumns: readonly number[];
  /** Elements from the last one that is not zero to the end. */
  readonly zeroTail: number;
  /** The longest run of zeros in the middle, where it is far longer than any other. */
  readonly zeroRun: { readonly begin: number; readonly end: number } | undefined;
  /** Indices of elements far beyond all others. */
  readonly outliers: readonly number[];
  /** The one value of all elements, other than 0, of tensors that have more than a few. */
  readonly constant: number | undefined;
  /** Where all values are whole numbers of at most 8 bits, times one step, and of many different sizes: codes whose scales were lost. */
  readonly codes: Codes | undefined;
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

const facts = new WeakMap<HostTensor, Map<Dtype, ValueFacts>>();

/** Facts of a tensor, each of them looked for once, when it is first asked for. */
export function valueFacts(tensor: HostTensor, dtype: Dtype): ValueFacts {
  const known = facts.get(tensor) ?? new Map<Dtype, ValueFacts>();
  facts.set(tensor, known);
  const found = known.get(dtype) ?? factsOf(tensor, dtype);
  known.set(dtype, found);
  return found;
}

function factsOf(tensor: HostTensor, dtype: Dtype): ValueFacts {
  const { data } = tensor;
  let [nonFinite, last] = [0, -1];
  for (let index = 0; index < data.length; index++) {
    const value = data[index] ?? 0;
    if (!Number.isFinite(value)) nonFinite++;
    if (value !== 0) last = index;
  }
  const allZero = last < 0;
  const grid = once(() => {
    const isTold = !allZero && nonFinite === 0 && data.length >= MIN_FOR_GRID;
    return isTold ? gridOf(tensor, dtype) : undefined;
  });
  const zeroRun = once(() => (allZero ? undefined : zeroRunOf(data)));
  const zeroRows = once(() => (allZero ? [] : zeroRowsOf(tensor)));
  const zeroColumns = once(() => (allZero ? [] : zeroColumnsOf(tensor)));
  const outliers = once(() => (nonFinite > 0 ? [] : outliersOf(data)));
  const constant = once(() =>
    allZero || data.length < MIN_CONSTANT ? undefined : constantOf(data),
  );
  const codes = once(() => (nonFinite > 0 ? undefined : lostScales(tensor)));
  return {
    elements: data.length,
    columns: sizeOf(tensor).columns,
    nonFinite,
    allZero,
    get zeroRun() {
      return zeroRun();
    },
    zeroTail: allZero ? 0 : data.length - 1 - last,
    get zeroRows() {
      return zeroRows();
    },
    get zeroColumns() {
      return zeroColumns();
    },
    get outliers() {
      return outliers();
    },
    get constant() {
      return constant();
    },
    get codes() {
      return codes();
    },
    get grid() {
      return grid();
    },
  };
}

/** What is computed when it is first asked for, and remembered. */
function once<T>(compute: () => T): () => T {
  let found: { readonly value: T } | undefined;
  return () => (found ??= { value: compute() }).value;
}

/** Zeros in a row that are a hole: weights that are rounded to few levels have some. */
const MIN_ZERO_RUN = 64;

/** How many times the next longest run a hole must be. */
const LONGER = 4;

function zeroRunOf(
  data: Float32Array,
): { readonly begin: number; readonly end: number } | undefined {
  let [best, next] = [{ begin: 0, end: 0 }, 0];
  for (let index = 0; index < data.length; index++) {
    if (data[index] !== 0) continue;
    const begin = index;
    while (index < data.length && data[index] === 0) index++;
    const length = index - begin;
    if (length > best.end - best.begin) {
      next = best.end - best.begin;
      best = { begin, end: index };
    } else next = Math.max(next, length);
  }
  const length = best.end - best.begin;
  return length >= MIN_ZERO_RUN && length >= LONGER * next ? best : undefined;
}

function constantOf(data: Float32Array): number | undefined {
  const [first] = data;
  return data.every((value) => value === first) ? first : undefined;
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
  // Columns that are zero so far: soon none is left.
  let zero = Array.from({ length: columns }, (_unused, column) => column);
  for (let row = 0; row < rows && zero.length > 0; row++)
    zero = zero.filter((column) => tensor.data[row * columns + column] === 0);
  return zero;
}

/** The quantile of magnitudes that an outlier is held against. */
const USUAL = 0.98;

function outliersOf(data: Float32Array): readonly number[] {
  if (data.length < 16) return [];
  let largest = 0;
  for (let index = 0; index < data.length; index++)
    largest = Math.max(largest, Math.abs(data[index] ?? 0));
  const least = largest / OUTLIER_FACTOR;
  let above = 0;
  for (let index = 0; index < data.length; index++) if (Math.abs(data[index] ?? 0) > least) above++;
  // More than the elements above the quantile: it is larger than that, and nothing needs to be sorted.
  if (above > Math.ceil((1 - USUAL) * data.length)) return [];
  const usual = data.map(Math.abs).sort()[Math.floor(data.length * USUAL)] ?? 0;
  if (usual === 0 || largest < OUTLIER_FACTOR * usual) return [];
  const outliers: number[] = [];
  for (let index = 0; index < data.length && outliers.length <= MAX_OUTLIERS; index++) {
    if (Math.abs(data[index] ?? 0) >= OUTLIER_FACTOR * usual) outliers.push(index);
  }
  return outliers.length > MAX_OUTLIERS ? [] : outliers;
}
