import { dot } from "../../../tensor/dot.ts";
import { solveLeastSquares } from "./least-squares.ts";

/** Rows of numbers, one a token. */
export type Rows = readonly Float64Array[];

/** A function of each row by itself, all of them at once; undefined where no more may be spent. */
export type RowFunction = (rows: Rows) => Promise<Rows | undefined>;

/** Newton steps, and directions that each of them takes its step from. */
const STEPS = 8;
const DIRECTIONS = 16;

/** Share of a row's length that a slope is measured over: rounding does not hide it, and the curve does not bend. */
const STEP = 2 ** -9;

/** Times that a step which makes a row worse is halved. */
const HALVINGS = 4;

/** A step must at least divide the largest of what is left by this much, or no further one is taken. */
const GAIN = 0.9;

/** What solves an equation of rows, and how far each row is from it. */
export interface Solved {
  readonly rows: Rows;
  readonly left: readonly number[];
}

/**
 * Solves f(row) = goal for every row, from a start, by Newton's method whose linear steps are those of GMRES (Saad and Schultz, 1986)
 * on slopes measured along one direction a row. Meant for what is the identity plus something smaller.
 * @param enough Largest difference in a row that counts as solved.
 */
export async function solveRows(
  f: RowFunction,
  goal: Rows,
  start: Rows,
  enough: number,
): Promise<Solved | undefined> {
  let rows = start;
  let value = await f(rows);
  if (value === undefined) return undefined;
  let rest = lessRows(goal, value);
  for (let step = 0; step < STEPS; step++) {
    const before = rest.map(farthest);
    if (before.every((one) => one <= enough)) break;
    const move = await linearStep(f, rows, value, rest);
    if (move === undefined) return undefined;
    let share = rows.map(() => 1);
    for (let halving = 0; halving <= HALVINGS; halving++) {
      const next = rows.map((row, at) => plus(row, move[at] ?? row, share[at] ?? 0));
      const there = await f(next);
      if (there === undefined) return undefined;
      const left = lessRows(goal, there);
      const isWorse = left.map((row, at) => norm(row) > norm(rest[at] ?? row));
      if (halving < HALVINGS && isWorse.some(Boolean)) {
        share = share.map((one, at) => (isWorse[at] === true ? one / 2 : one));
        continue;
      }
      const take = <T>(fresh: readonly T[], old: readonly T[]): readonly T[] =>
        fresh.map((row, at) => (isWorse[at] === true ? (old[at] ?? row) : row));
      [rows, value, rest] = [take(next, rows), take(there, value), take(left, rest)];
      break;
    }
    const after = rest.map(farthest);
    if (!(sum(after) <= GAIN * sum(before))) break;
  }
  return { rows, left: rest.map(farthest) };
}

/** For each row the step that leaves least of `rest`, among what a few powers of the slope make of it. */
async function linearStep(
  f: RowFunction,
  rows: Rows,
  value: Rows,
  rest: Rows,
): Promise<Rows | undefined> {
  const basis: Rows[] = [rest.map(unit)];
  const slopes: Rows[] = [];
  for (let index = 0; index < DIRECTIONS; index++) {
    const directions = basis[index] ?? [];
    const sizes = rows.map((row) => STEP * Math.max(norm(row), 1e-3));
    const there = await f(rows.map((row, at) => plus(row, directions[at] ?? row, sizes[at] ?? 0)));
    if (there === undefined) return undefined;
    const slope = there.map((row, at) =>
      row.map((one, channel) => (one - (value[at]?.[channel] ?? 0)) / (sizes[at] ?? 1)),
    );
    slopes.push(slope);
    basis.push(
      slope.map((row, at) =>
        unit(
          without(
            row,
            basis.map((one) => one[at] ?? row),
          ),
        ),
      ),
    );
  }
  return rows.map((row, at) => {
    const own = slopes.map((slope) => slope[at] ?? row);
    let made: Float64Array = new Float64Array(row.length);
    const factors = solveLeastSquares(own, rest[at] ?? row) ?? new Float64Array(0);
    for (const [index, factor] of factors.entries())
      made = plus(made, basis[index]?.[at] ?? row, factor);
    return made;
  });
}

function sum(list: readonly number[]): number {
  return list.reduce((total, one) => total + one, 0);
}

function without(row: Float64Array, directions: Rows): Float64Array {
  let rest = row;
  for (let again = 0; again < 2; again++)
    for (const direction of directions) rest = plus(rest, direction, -dot(rest, direction));
  return rest;
}

function plus(row: Float64Array, other: Float64Array, factor: number): Float64Array {
  return row.map((value, at) => value + factor * (other[at] ?? 0));
}

function lessRows(left: Rows, right: Rows): Rows {
  return left.map((row, at) => plus(row, right[at] ?? row, -1));
}

function unit(row: Float64Array): Float64Array {
  const size = norm(row);
  return size > 0 ? row.map((value) => value / size) : row;
}

function norm(row: Float64Array): number {
  return Math.sqrt(dot(row, row));
}

function farthest(row: Float64Array): number {
  return row.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
