import type { HostTensor } from "../compare/model-runner.ts";
import { sizeOf } from "../diagnose/hypotheses/tensor-edits.ts";
import type { Statement } from "./claim.ts";

/** What may be left of a value that was scaled or moved and stored in float32, or in a half dtype, relative to its size. */
const SLACK = { full: 2 ** -20, half: 2 ** -7 } as const;

/** How many values must agree, beside those that determine the factors. */
const MIN_VALUES = 4;

/** ours = factor · reference + offset, of all elements, of each row or of each column. */
export interface LinearRelation {
  readonly kind: "scaled" | "offset";
  readonly text: string;
  readonly claim: Statement;
}

/**
 * @param block Elements of a vector that belong together: a head's.
 * A relation of values by one factor, one offset, both, or a factor for each row or column. Each is tried on every element
 * before it is said.
 */
export function linearRelation(
  ours: HostTensor,
  reference: HostTensor,
  isHalf: boolean,
  block?: number,
): LinearRelation | undefined {
  const slack = isHalf ? SLACK.half : SLACK.full;
  const { rows, columns } = sizeOf(ours);
  if (ours.data.length < MIN_VALUES) return undefined;
  // What rounding explains is no factor.
  if (fits(ours, reference, slack, (x) => x)) return undefined;
  const factor = ratio(ours.data, reference.data);
  const offset = meanOf(ours.data) - meanOf(reference.data);
  const line = lineOf(ours.data, reference.data);
  const lines = [
    ...(factor === undefined ? [] : [{ a: factor, b: 0 }]),
    ...(offset === 0 ? [] : [{ a: 1, b: offset }]),
    ...(line === undefined ? [] : [line]),
  ];
  for (const { a, b } of lines) {
    if (!fits(ours, reference, slack, (x) => a * x + b, b)) continue;
    const claim = { kind: "linear", factor: a, offset: b, slack } as const;
    return { kind: b === 0 ? "scaled" : "offset", text: lineText(a, b), claim };
  }
  if (ours.shape.length === 1) return blockRelation(ours, reference, slack, block);
  if (ours.shape.length !== 2 || rows < 2 || columns < 2) return undefined;
  for (const axis of ["row", "column"] as const) {
    const factors = factorsAlong(ours, reference, axis);
    // A row or a column of zeros was lost, not scaled.
    if (factors.includes(0)) continue;
    const at = (index: number): number =>
      factors[axis === "row" ? Math.floor(index / columns) : index % columns] ?? 1;
    if (!fits(ours, reference, slack, (x, index) => at(index) * x)) continue;
    const claim = {
      kind: "factors",
      rows: axis === "row" ? factors : undefined,
      columns: axis === "column" ? factors : undefined,
      slack,
    } as const;
    return { kind: "scaled", text: factorsText(axis, "", factors), claim };
  }
  return crossRelation(ours, reference, slack);
}

/** A vector whose blocks, one a head, each have a factor of their own. */
function blockRelation(
  ours: HostTensor,
  reference: HostTensor,
  slack: number,
  block: number | undefined,
): LinearRelation | undefined {
  if (block === undefined || block < MIN_VALUES || ours.data.length % block !== 0) return undefined;
  const shape = [ours.data.length / block, block];
  const [left, right] = [ours, reference].map(({ data }) => ({ shape, data }));
  if (left === undefined || right === undefined || (shape[0] ?? 0) < 2) return undefined;
  const factors = factorsAlong(left, right, "row");
  if (factors.includes(0)) return undefined;
  const at = (index: number): number => factors[Math.floor(index / block)] ?? 1;
  if (!fits(ours, reference, slack, (x, index) => at(index) * x)) return undefined;
  return {
    kind: "scaled",
    text: factorsText("head", `, ${block} elements,`, factors),
    claim: {
      kind: "factors",
      rows: Array.from({ length: ours.data.length }, (_unused, index) => at(index)),
      columns: undefined,
      slack,
    },
  };
}

function lineText(factor: number, offset: number): string {
  const terms = [
    ...(factor === 1 ? [] : [`${short(factor)} times`]),
    "the other side's",
    ...(offset === 0 ? [] : [signed(offset)]),
  ];
  return `every value is ${terms.join(" ")}`;
}

/** Factors that a sentence tells one by one. */
const TOLD = 4;

/** Few factors beside ones are told one by one. */
function factorsText(part: string, size: string, factors: readonly number[]): string {
  const others = [...factors.entries()].filter(([, factor]) => factor !== 1);
  if (others.length <= TOLD && others.length < factors.length / 2) {
    const told = others.map(
      ([index, factor]) => `${part} ${index}${size} is the other side's times ${short(factor)}`,
    );
    return `${told.join(", ")}; the others have a factor of 1`;
  }
  const [least, most] = [Math.min(...factors), Math.max(...factors)];
  return `each ${part}${size} is the other side's times a factor of its own, from ${short(least)} to ${short(most)}`;
}

/** Rows and columns at least before one factor of each says something. */
const MIN_CROSSED = 8;

/** Steps in which factors of rows and of columns are estimated in turn. */
const CROSS_STEPS = 12;

/** A factor of each row and one of each column at once: scales that were taken off along one axis and put on along the other. */
function crossRelation(
  ours: HostTensor,
  reference: HostTensor,
  slack: number,
): LinearRelation | undefined {
  const { rows, columns } = sizeOf(ours);
  if (Math.min(rows, columns) < MIN_CROSSED) return undefined;
  let byRow: readonly number[] = Array.from({ length: rows }, () => 1);
  let byColumn: readonly number[] = Array.from({ length: columns }, () => 1);
  const at = (index: number): number =>
    (byRow[Math.floor(index / columns)] ?? 1) * (byColumn[index % columns] ?? 1);
  for (let step = 0; step < CROSS_STEPS; step++) {
    byRow = factorsAlong(ours, reference, "row", byColumn);
    byColumn = factorsAlong(ours, reference, "column", byRow);
    // A row or a column of zeros was lost, not scaled.
    if (byRow.includes(0) || byColumn.includes(0)) return undefined;
    // Far off after two steps, it is something else.
    if (step === 2 && !fits(ours, reference, 0.5, (x, index) => at(index) * x)) return undefined;
  }
  if (!fits(ours, reference, slack, (x, index) => at(index) * x)) return undefined;
  return {
    kind: "scaled",
    text: "every value is the other side's times a factor of its row and another of its column, as scales applied along the wrong axis leave it",
    claim: { kind: "factors", rows: byRow, columns: byColumn, slack },
  };
}

function fits(
  ours: HostTensor,
  reference: HostTensor,
  slack: number,
  make: (value: number, index: number) => number,
  offset = 0,
): boolean {
  // Below float16's normal numbers its steps are all alike.
  const leastStep = slack === SLACK.half ? 2 ** -24 : 0;
  return ours.data.every((value, index) => {
    const made = make(reference.data[index] ?? Number.NaN, index);
    // An offset may cancel: what is left is rounded by the size of its terms.
    return Math.abs(value - made) <= slack * (Math.abs(made) + 2 * Math.abs(offset)) + leastStep;
  });
}

/** Least squares, which a few rounded values do not mislead. */
function ratio(ours: ArrayLike<number>, reference: ArrayLike<number>): number | undefined {
  let [products, squares] = [0, 0];
  for (let index = 0; index < ours.length; index++) {
    const x = reference[index] ?? 0;
    products += (ours[index] ?? 0) * x;
    squares += x * x;
  }
  const factor = products / squares;
  return Number.isFinite(factor) && factor !== 0 && factor !== 1 ? factor : undefined;
}

function lineOf(
  ours: Float32Array,
  reference: Float32Array,
): { readonly a: number; readonly b: number } | undefined {
  const [x, y] = [meanOf(reference), meanOf(ours)];
  let [products, squares] = [0, 0];
  for (let index = 0; index < ours.length; index++) {
    const from = (reference[index] ?? 0) - x;
    products += ((ours[index] ?? 0) - y) * from;
    squares += from * from;
  }
  const a = products / squares;
  return Number.isFinite(a) && a !== 0 ? { a, b: y - a * x } : undefined;
}

/** One factor for each row, or for each column, by least squares. @param across Factors known already, of the other axis. */
function factorsAlong(
  ours: HostTensor,
  reference: HostTensor,
  axis: "row" | "column",
  across?: readonly number[],
): readonly number[] {
  const { rows, columns } = sizeOf(ours);
  const [count, length, step, stride] =
    axis === "row" ? [rows, columns, columns, 1] : [columns, rows, 1, columns];
  return Array.from({ length: count }, (_unused, place) => {
    let [products, squares] = [0, 0];
    for (let at = 0; at < length; at++) {
      const index = place * step + at * stride;
      const x = (reference.data[index] ?? 0) * (across?.[at] ?? 1);
      products += (ours.data[index] ?? 0) * x;
      squares += x * x;
    }
    return squares === 0 ? 1 : products / squares;
  });
}

function meanOf(data: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < data.length; index++) sum += data[index] ?? 0;
  return sum / data.length;
}

/** A number in six digits, without digits that it does not need. */
function short(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function signed(value: number): string {
  return value < 0 ? `less ${short(-value)}` : `plus ${short(value)}`;
}
