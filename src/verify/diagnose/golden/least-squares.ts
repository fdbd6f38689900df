import { dot } from "../../../tensor/dot.ts";

/** What is added to the diagonal, as a share of it: directions that nothing tells stay where they are. */
const RIDGE = 1e-9;

/**
 * The combination of some vectors that comes nearest to another, by Cholesky's factors of the normal equations; undefined where
 * numbers are not finite.
 */
export function solveLeastSquares(
  vectors: readonly Float64Array[],
  target: Float64Array,
): Float64Array | undefined {
  const size = vectors.length;
  const matrix = new Float64Array(size * size);
  const right = new Float64Array(size);
  for (const [row, vector] of vectors.entries()) {
    right[row] = dot(vector, target);
    for (let column = 0; column <= row; column++)
      matrix[row * size + column] = dot(vector, vectors[column] ?? vector);
  }
  const largest = Math.max(...vectors.map((_vector, row) => matrix[row * size + row] ?? 0));
  for (let row = 0; row < size; row++)
    matrix[row * size + row] = (matrix[row * size + row] ?? 0) + RIDGE * largest;
  if (!factor(matrix, size)) return undefined;
  return solveFactored(matrix, right, size);
}

/** Cholesky's lower factor of a matrix's lower half, in place; false where there is none. */
export function factor(matrix: Float64Array, size: number): boolean {
  for (let row = 0; row < size; row++)
    for (let column = 0; column <= row; column++) {
      let sum = matrix[row * size + column] ?? 0;
      for (let index = 0; index < column; index++)
        sum -= (matrix[row * size + index] ?? 0) * (matrix[column * size + index] ?? 0);
      if (row === column && !(sum > 0)) return false;
      matrix[row * size + column] =
        row === column ? Math.sqrt(sum) : sum / (matrix[column * size + column] ?? 1);
    }
  return true;
}

/** What a matrix, given by its lower factor L, takes to a vector: (L · Lᵀ)⁻¹ · right. */
export function solveFactored(
  lower: Float64Array,
  right: Float64Array,
  size: number,
): Float64Array {
  const at = (row: number, column: number): number => lower[row * size + column] ?? 0;
  const solved = right.slice();
  solveBelow(lower, solved, size);
  for (let row = size - 1; row >= 0; row--) {
    for (let column = row + 1; column < size; column++)
      solved[row] = (solved[row] ?? 0) - at(column, row) * (solved[column] ?? 0);
    solved[row] = (solved[row] ?? 0) / at(row, row);
  }
  return solved;
}

/** L⁻¹ · vector, in the vector's place. */
export function solveBelow(lower: Float64Array, vector: Float64Array, size: number): void {
  for (let row = 0; row < size; row++) {
    let value = vector[row] ?? 0;
    for (let column = 0; column < row; column++)
      value -= (lower[row * size + column] ?? 0) * (vector[column] ?? 0);
    vector[row] = value / (lower[row * size + row] ?? 1);
  }
}
