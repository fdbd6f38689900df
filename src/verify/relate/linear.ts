import type { HostTensor } from "../compare/model-runner.ts";
import { sizeOf } from "../diagnose/tensor-edits.ts";

/** What may be left of a value that was scaled or moved and stored in float32, or in a half dtype, relative to its size. */
const SLACK = { full: 2 ** -20, half: 2 ** -7 } as const;

/** How many values must agree, beside those that determine the factors. */
const MIN_VALUES = 4;

/** ours = factor · reference + offset, of all elements, of each row or of each column. */
export interface LinearRelation {
  readonly kind: "scaled" | "offset";
  readonly text: string;
}

/**
 * A relation of values by one factor, one offset, both, or a factor for each row or column. Each is tried on every element
 * before it is said.
 */
export function linearRelation(
  ours: HostTensor,
  reference: HostTensor,
  isHalf: boolean,
): LinearRelation | undefined {
  const slack = isHalf ? SLACK.half : SLACK.full;
  const { rows, columns } = sizeOf(ours);
  if (ours.data.length < MIN_VALUES) return undefined;
  // What rounding explains is no factor.
  if (fits(ours, reference, slack, (x) => x)) return undefined;
  const factor = ratio(ours.data, reference.data);
  if (factor !== undefined && fits(ours, reference, slack, (x) => factor * x))
    return { kind: "scaled", text: `every value is ${short(factor)} times the other side's` };
  const offset = meanOf(ours.data) - meanOf(reference.data);
  if (offset !== 0 && fits(ours, reference, slack, (x) => x + offset))
    return { kind: "offset", text: `every value is the other side's ${signed(offset)}` };
  const line = lineOf(ours.data, reference.data);
  if (line !== undefined && fits(ours, reference, slack, (x) => line.a * x + line.b)) {
    const text = `every value is ${short(line.a)} times the other side's ${signed(line.b)}`;
    return { kind: "offset", text };
  }
  if (ours.shape.length !== 2 || rows < 2 || columns < 2) return undefined;
  for (const axis of ["row", "column"] as const) {
    const factors = factorsAlong(ours, reference, axis);
    // A row or a column of zeros was lost, not scaled.
    if (factors.includes(0)) continue;
    const at = (index: number): number =>
      factors[axis === "row" ? Math.floor(index / columns) : index % columns] ?? 1;
    if (!fits(ours, reference, slack, (x, index) => at(index) * x)) continue;
    const text = `each ${axis} is the other side's times a factor of its own, from ${short(Math.min(...factors))} to ${short(Math.max(...factors))}`;
    return { kind: "scaled", text };
  }
  return undefined;
}

function fits(
  ours: HostTensor,
  reference: HostTensor,
  slack: number,
  make: (value: number, index: number) => number,
): boolean {
  return ours.data.every((value, index) => {
    const x = reference.data[index] ?? Number.NaN;
    const made = make(x, index);
    // An offset may cancel: what is left is rounded by the size of its terms.
    return Math.abs(value - made) <= slack * (Math.abs(made) + Math.abs(x));
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

function factorsAlong(
  ours: HostTensor,
  reference: HostTensor,
  axis: "row" | "column",
): readonly number[] {
  const { rows, columns } = sizeOf(ours);
  const [count, length, step, stride] =
    axis === "row" ? [rows, columns, columns, 1] : [columns, rows, 1, columns];
  return Array.from({ length: count }, (_unused, place) => {
    let [products, squares] = [0, 0];
    for (let at = 0; at < length; at++) {
      const index = place * step + at * stride;
      const x = reference.data[index] ?? 0;
      products += (ours.data[index] ?? 0) * x;
      squares += x * x;
    }
    return squares === 0 ? 1 : products / squares;
  });
}

function meanOf(data: Float32Array): number {
  let sum = 0;
  for (const value of data) sum += value;
  return sum / data.length;
}

/** A number in six digits, without digits that it does not need. */
function short(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function signed(value: number): string {
  return value < 0 ? `less ${short(-value)}` : `plus ${short(value)}`;
}
