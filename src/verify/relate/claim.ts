import type { HostTensor } from "../compare/model-runner.ts";
import type { HalfDtype } from "../diagnose/hypotheses/tensor-edits.ts";
import type { Order } from "./row-order.ts";

/**
 * What is said of a tensor, as data: the sentence is made of it, and the reader of both sides can compute it again. `tensor` is ours,
 * `of` the other side's tensor that it is said to come from; the same name where left out.
 */
export type Claim = {
  readonly tensor: string;
  readonly of?: string;
  /** What both sides are rounded to before. */
  readonly in?: HalfDtype;
} & Statement;

export type Statement =
  /** Every value is the other one's. */
  | { readonly kind: "equal" }
  /** Place i has the parameters of layer `held[i]` of the other side: all, or those named, with `{i}` for the layer. */
  | {
      readonly kind: "places";
      readonly held: readonly number[];
      readonly modules?: readonly string[];
    }
  /** Every value is that of `of` on our own side. */
  | { readonly kind: "twin" }
  /** Axis i of ours is axis `axes[i]` of the other one. */
  | { readonly kind: "axes"; readonly axes: readonly number[] }
  /** Place i along axis `axis` of ours is place `order[i]` of the other one. */
  | { readonly kind: "axis-order"; readonly axis: number; readonly order: Order }
  /** The numbers in a row are those of the other one, its axes in the order `axes`, whatever the shape says. */
  | { readonly kind: "axes-in-row"; readonly axes: readonly number[] }
  /** What the transposed matrix, with its numbers in a row, is to the other one. */
  | { readonly kind: "of-transposed"; readonly statement: Statement }
  /** What ours is to the other one whose row (or column) i is its row `order[i]`. */
  | {
      readonly kind: "of-order";
      readonly axis: "rows" | "columns";
      readonly order: Order;
      readonly statement: Statement;
    }
  /** Row (or column) i of ours is row `order[i]` of the other one. */
  | { readonly kind: "order"; readonly axis: "rows" | "columns"; readonly order: Order }
  /** The same of the parts of rows, each row cut into so many. */
  | { readonly kind: "part-order"; readonly parts: number; readonly order: Order }
  /** Rows that stand too early or too late, and what fills the place where the table ended; all others are equal. */
  | ({ readonly kind: "shift" } & Shift)
  /** Every value is factor · the other one's + offset, within `slack` of their size. */
  | {
      readonly kind: "linear";
      readonly factor: number;
      readonly offset: number;
      readonly slack: number;
    }
  /** Every value is the other one's by a factor of its row, its column, or one of each. */
  | {
      readonly kind: "factors";
      readonly rows: readonly number[] | undefined;
      readonly columns: readonly number[] | undefined;
      readonly slack: number;
    }
  /** Whole numbers of steps: the other one's values by a factor for each run of `group` elements, rounded. */
  | {
      readonly kind: "codes";
      readonly largest: number;
      readonly group: number;
      readonly step: number;
    }
  /** Whole numbers: a straight line of the other one's values for each run of `group` elements, through `zero` where it is the same, rounded. */
  | { readonly kind: "codes-with-zero"; readonly group: number; readonly zero: number | undefined }
  /** The difference has this rank, but for what rounding to `unit` leaves. */
  | { readonly kind: "low-rank"; readonly rank: number; readonly unit: number }
  /** Whole numbers that spell the bits of the other one's values in a half dtype. */
  | { readonly kind: "bits"; readonly dtype: "F16" | "BF16" }
  /** Every value is the other one's, rounded to a half dtype. */
  | { readonly kind: "rounded"; readonly dtype: "F16" | "BF16" }
  /** Root mean square of the difference by that of the other one, and their correlation. */
  | { readonly kind: "near"; readonly share: number; readonly correlation: number }
  /** Elements from `begin` to before `end` are the only ones that differ; all of them are `value` where one is given. */
  | {
      readonly kind: "stretch";
      readonly begin: number;
      readonly end: number;
      readonly value: number | undefined;
    }
  /** So many elements differ, these first. */
  | { readonly kind: "differing"; readonly count: number; readonly first: readonly number[] }
  /** Rows or columns of zeros, which are not zeros there; nothing else differs. */
  | {
      readonly kind: "zero-lines";
      readonly axis: "rows" | "columns";
      readonly lines: readonly number[];
    }
  /** The numbers of the transposed matrix in a row, whatever the shape says. */
  | { readonly kind: "transposed" }
  | { readonly kind: "non-finite"; readonly count: number }
  /** Of ours alone: every value is this one. */
  | { readonly kind: "constant"; readonly value: number }
  /** Of ours alone: rows or columns of nothing but zeros. */
  | {
      readonly kind: "zero-lines-here";
      readonly axis: "rows" | "columns";
      readonly lines: readonly number[];
    }
  /** Of ours alone: elements from `begin` to before `end` are zero. */
  | { readonly kind: "zero-run"; readonly begin: number; readonly end: number }
  /** Of ours alone: independent normal draws of this size, alike in all rows and columns. */
  | { readonly kind: "drawn"; readonly size: number }
  /** Of ours alone: these elements are many times the size that 98 of 100 stay below. */
  | { readonly kind: "far-out"; readonly elements: readonly number[] }
  /** Of ours alone: whole numbers of steps, up to this many. */
  | { readonly kind: "whole"; readonly largest: number; readonly step: number }
  /** Of ours alone: every value fits this coarser number format. */
  | { readonly kind: "grid"; readonly grid: string }
  /** The other one's rows, and so many behind them. */
  | { readonly kind: "padded"; readonly rows: number; readonly fill: "zeros" | "one" | "own" }
  /** Put right, the float32 values have this SHA-256, as `valuesDigest` takes it: they are the other one's. */
  | { readonly kind: "restored"; readonly sha256: string }
  /** The statement holds of rows `rows` of ours and rows `others` of the other one, in their order. */
  | {
      readonly kind: "in-rows";
      readonly rows: readonly number[];
      readonly others: readonly number[];
      readonly statement: Statement;
    }
  /** Row v + distance of ours is row v of the other one, for so many at least. */
  | { readonly kind: "shifted-rows"; readonly distance: number; readonly atLeast: number }
  /** Rows that are not the other one's; `all` where no other row is either. */
  | { readonly kind: "rows-differ"; readonly rows: readonly number[]; readonly all: boolean }
  /** Of ours alone: rows (or columns) `lines` repeat those of `like` in the same tensor. */
  | {
      readonly kind: "repeated-lines";
      readonly axis: "rows" | "columns";
      readonly lines: readonly number[];
      readonly like: readonly number[];
    }
  /** Of ours alone: elements from `begin` to before `end` are those of the tensor `of` on our own side. */
  | { readonly kind: "shared-run"; readonly begin: number; readonly end: number }
  /** What the other one is to ours. */
  | { readonly kind: "reversed"; readonly statement: Statement };

/** What stands in the rows whose source would be outside of the table. */
export interface Filled {
  readonly begin: number;
  readonly end: number;
  /** The row of the other side that all of them hold; zeros where undefined, values of their own where "own". */
  readonly row: number | "own" | undefined;
}

/** Rows that are read too early or too late, with what stands where the table ended. */
export interface Shift {
  readonly begin: number;
  readonly end: number;
  /** Row i holds row i + `by` of the other side. */
  readonly by: number;
  readonly filled: Filled | undefined;
}

/** How far two tensors are apart, as the claim "near" says it. */
export function nearness(
  ours: HostTensor,
  reference: HostTensor,
): { readonly share: number; readonly correlation: number } {
  let [products, left, right, difference] = [0, 0, 0, 0];
  for (let index = 0; index < ours.data.length; index++) {
    const [a, b] = [ours.data[index] ?? 0, reference.data[index] ?? 0];
    products += a * b;
    left += a * a;
    right += b * b;
    difference += (a - b) ** 2;
  }
  return {
    share: Math.sqrt(difference / right),
    correlation: products / Math.sqrt(left * right),
  };
}
