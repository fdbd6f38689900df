import type { HostTensor } from "../compare/model-runner.ts";
import { sizeOf } from "../diagnose/hypotheses/tensor-edits.ts";

/** Ranks of adapters: 4 to 64 are common, 256 the largest in use. */
const MAX_RANK = 256;

/** A difference of at most this share of the matrix's rank is called of low rank. */
const LOW = 4;

/** How many times the energy that rounding leaves may stay. */
const LEFT = 4;

/** How many times that energy a difference must have before its rank is looked for. */
const CLEAR = 64;

/** Steps of the power method for one direction: until its energy grows by less than a share, and this many at most. */
const POWER_STEPS = 24;
const GROWTH = 1e-3;
/** The first two directions show whether the rank may be low at all; for that three steps do. */
const FEW_STEPS = 3;

/**
 * The rank of ours less the reference, where it is low: its strongest direction is taken away until no more energy is left than
 * rounding explains. Undefined when it is not low, or when hardly anything differs.
 * @param unit Rounding unit of what ours is stored in.
 */
export function deltaRank(
  ours: HostTensor,
  reference: HostTensor,
  unit: number,
): number | undefined {
  const { rows, columns } = sizeOf(ours);
  const most = Math.min(MAX_RANK, Math.floor(Math.min(rows, columns) / LOW));
  const rest = new Float64Array(ours.data.length);
  let [energy, rounding] = [0, 0];
  for (let index = 0; index < rest.length; index++) {
    const [a, b] = [ours.data[index] ?? 0, reference.data[index] ?? 0];
    rest[index] = a - b;
    energy += (a - b) ** 2;
    // Both sides are rounded to their nearest: evenly within half a unit of their size.
    rounding += ((unit * a) ** 2 + (unit * b) ** 2) / 3;
  }
  const negligible = LEFT * Math.max(rounding, (2 ** -22) ** 2 * energy);
  if (!(energy > (CLEAR / LEFT) * negligible)) return undefined;
  for (let rank = 1; rank <= most; rank++) {
    const { energy: taken } = takeStrongest(
      rest,
      rows,
      columns,
      rank > 2 ? POWER_STEPS : FEW_STEPS,
    );
    energy -= taken;
    if (energy <= negligible) return rank;
    // The strongest first: what is left needs at least so many more as strong as this one.
    if (energy > taken * (most - rank) + negligible) return undefined;
  }
  return undefined;
}

/** What was taken of a matrix: a direction of its rows, of length 1, and the energy along it. */
export interface Taken {
  readonly direction: Float64Array;
  readonly energy: number;
}

/**
 * Takes the part along the strongest direction of the rows away.
 * @param steps Of the power method, at most.
 */
export function takeStrongest(
  data: Float64Array,
  rows: number,
  columns: number,
  steps: number = FEW_STEPS,
): Taken {
  let right = data.slice(strongestRow(data, rows, columns) * columns).subarray(0, columns);
  let left = new Float64Array(rows);
  let energy = 0;
  for (let step = 0; step < steps; step++) {
    left = new Float64Array(rows);
    for (let row = 0, at = 0; row < rows; row++)
      for (let column = 0; column < columns; column++, at++)
        left[row] = (left[row] ?? 0) + (data[at] ?? 0) * (right[column] ?? 0);
    normalise(left);
    right = new Float64Array(columns);
    for (let row = 0, at = 0; row < rows; row++)
      for (let column = 0; column < columns; column++, at++)
        right[column] = (right[column] ?? 0) + (data[at] ?? 0) * (left[row] ?? 0);
    // `right` carries the singular value.
    const before = energy;
    energy = right.reduce((sum, value) => sum + value * value, 0);
    if (step + 1 >= FEW_STEPS && energy - before <= GROWTH * energy) break;
  }
  for (let row = 0, at = 0; row < rows; row++)
    for (let column = 0; column < columns; column++, at++)
      data[at] = (data[at] ?? 0) - (left[row] ?? 0) * (right[column] ?? 0);
  normalise(right);
  return { direction: right, energy };
}

function strongestRow(data: Float64Array, rows: number, columns: number): number {
  let [best, most] = [0, -1];
  for (let row = 0, at = 0; row < rows; row++) {
    let energy = 0;
    for (let column = 0; column < columns; column++, at++) energy += (data[at] ?? 0) ** 2;
    if (energy > most) [best, most] = [row, energy];
  }
  return best;
}

function normalise(vector: Float64Array): void {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.sqrt(squares) || 1;
  for (const [index, value] of vector.entries()) vector[index] = value / length;
}
