import { seededRandom } from "../runtime/generation/random.ts";
import type { MatrixRows } from "./difference-rows.ts";
import { orthonormalise, rotateOrthogonal, scale, type Vectors } from "./orthogonal.ts";
import { restEnergy, times, transposedTimes } from "./products.ts";

/** A matrix as the product B · A, nearly. */
export interface LowRank {
  /** B, [rows, rank], row-major. */
  readonly down: Float32Array;
  /** A, [rank, columns], row-major. */
  readonly along: Float32Array;
  /** The sum of squares of what the product leaves of the matrix, measured with the factors as they are here. */
  readonly restEnergy: number;
}

/** Directions that are followed beside those asked for: the more, the fewer rounds (Halko, Martinsson, Tropp 2011, section 4.2). */
const BESIDE = 8;

/** Rounds at most, each of two passes over the matrix. */
const MAX_ROUNDS = 10;

/** The search ends when a round makes what is left smaller by no more than this share of it. */
const SETTLED = 1e-3;

/** What is left, against the whole, that is rounding of float64. */
const NOTHING = 1e-26;

/** Singular values below this share of the largest are rounding. */
const SMALLEST = 1e-14;

/** Any number will do: the same matrix gives the same factors. */
const SEED = 20_260;

/**
 * The factors of `rank` nearest to a matrix: its strongest directions by subspace iteration (Halko, Martinsson, Tropp 2011,
 * algorithm 4.4, with rotations in place of the last decomposition), computed in float64 while the matrix is streamed; both factors
 * carry the root of the singular values and are rounded to float32. Where the matrix has fewer directions, the rest is zeros.
 * @param energy The sum of the matrix's squares.
 */
export async function lowRank(matrix: MatrixRows, rank: number, energy: number): Promise<LowRank> {
  const { rows, columns } = matrix;
  const count = Math.min(rank + BESIDE, rows, columns);
  let right = randomVectors(count, columns);
  let taken = 0;
  let lengths: readonly number[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const left = await times(matrix, right);
    orthonormalise(left);
    right = await transposedTimes(matrix, left);
    lengths = rotateOrthogonal(right);
    const order = [...lengths.keys()].toSorted((a, b) => (lengths[b] ?? 0) - (lengths[a] ?? 0));
    right = order.map((index) => right[index] ?? new Float64Array(columns));
    lengths = order.map((index) => lengths[index] ?? 0);
    const least = SMALLEST * (lengths[0] ?? 0);
    for (const [index, vector] of right.entries()) {
      const length = lengths[index] ?? 0;
      scale(vector, length > least ? 1 / length : 0);
    }
    const before = taken;
    taken = lengths.slice(0, rank).reduce((sum, length) => sum + length * length, 0);
    const rest = energy - taken;
    if (rest <= NOTHING * energy || (round > 0 && taken - before <= SETTLED * rest)) break;
  }
  return factors(matrix, right.slice(0, rank), lengths, rank);
}

/** B and A of the strongest directions of the rows. */
async function factors(
  matrix: MatrixRows,
  right: Vectors,
  lengths: readonly number[],
  rank: number,
): Promise<LowRank> {
  const { rows, columns } = matrix;
  const left = await times(matrix, right);
  const along = new Float32Array(rank * columns);
  const down = new Float32Array(rows * rank);
  for (const [index, vector] of right.entries()) {
    const root = Math.sqrt(lengths[index] ?? 0);
    const product = left[index];
    if (root === 0 || product === undefined) continue;
    for (let column = 0; column < columns; column++)
      along[index * columns + column] = (vector[column] ?? 0) * root;
    for (let row = 0; row < rows; row++) down[row * rank + index] = (product[row] ?? 0) / root;
  }
  return { down, along, restEnergy: await restEnergy(matrix, down, along, rank) };
}

/** Directions of which none is likely to miss much: normally distributed, by the polar way of Box and Muller. */
function randomVectors(count: number, length: number): Vectors {
  const random = seededRandom(SEED);
  return Array.from({ length: count }, () =>
    Float64Array.from(
      { length },
      () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
    ),
  );
}
