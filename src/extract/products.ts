import type { MatrixRows } from "./difference-rows.ts";
import type { Vectors } from "./orthogonal.ts";

/** Vectors that are multiplied with a row while it is in the processor's cache. */
const AT_ONCE = 4;

/** matrix · vectors: each of the vectors has a value a column, each product one a row. */
export async function times(matrix: MatrixRows, vectors: Vectors): Promise<Vectors> {
  const { rows, columns } = matrix;
  const products = vectors.map(() => new Float64Array(rows));
  await matrix.each((values, begin, count) => {
    for (let at = 0; at < vectors.length; at += AT_ONCE) {
      const [a, b = a, c = a, d = a] = vectors.slice(at, at + AT_ONCE);
      if (a === undefined || b === undefined || c === undefined || d === undefined) continue;
      for (let row = 0; row < count; row++) {
        let [first, second, third, fourth] = [0, 0, 0, 0];
        for (let column = 0, from = row * columns; column < columns; column++, from++) {
          const value = values[from] ?? 0;
          first += value * (a[column] ?? 0);
          second += value * (b[column] ?? 0);
          third += value * (c[column] ?? 0);
          fourth += value * (d[column] ?? 0);
        }
        for (const [index, sum] of [first, second, third, fourth].entries()) {
          const product = products[at + index];
          if (product !== undefined) product[begin + row] = sum;
        }
      }
    }
  });
  return products;
}

/** The transposed matrix · vectors: each of the vectors has a value a row, each product one a column. */
export async function transposedTimes(matrix: MatrixRows, vectors: Vectors): Promise<Vectors> {
  const { columns } = matrix;
  const products = vectors.map(() => new Float64Array(columns));
  await matrix.each((values, begin, count) => {
    for (const [index, vector] of vectors.entries()) {
      const product = products[index] ?? new Float64Array(0);
      for (let row = 0; row < count; row += AT_ONCE) {
        // Rows behind the last count for nothing.
        const from = [0, 1, 2, 3].map((next) => Math.min(row + next, count - 1) * columns);
        const [p = 0, q = 0, r = 0, s = 0] = from;
        const weight = (next: number): number =>
          row + next < count ? (vector[begin + row + next] ?? 0) : 0;
        const [a, b, c, d] = [weight(0), weight(1), weight(2), weight(3)];
        for (let column = 0; column < columns; column++)
          product[column] =
            (product[column] ?? 0) +
            a * (values[p + column] ?? 0) +
            b * (values[q + column] ?? 0) +
            c * (values[r + column] ?? 0) +
            d * (values[s + column] ?? 0);
      }
    }
  });
  return products;
}

/**
 * The sum of squares of matrix - B · A.
 * @param down B's values, row-major: `rank` a row. @param along A's, row-major: the matrix's columns a row.
 */
export async function restEnergy(
  matrix: MatrixRows,
  down: Float32Array,
  along: Float32Array,
  rank: number,
): Promise<number> {
  const { columns } = matrix;
  const factors = Array.from({ length: rank }, (_unused, index) =>
    Float64Array.from(along.subarray(index * columns, (index + 1) * columns)),
  );
  const rest = new Float64Array(columns);
  let energy = 0;
  await matrix.each((values, begin, count) => {
    for (let row = 0; row < count; row++) {
      rest.set(values.subarray(row * columns, (row + 1) * columns));
      for (let index = 0; index < rank; index += AT_ONCE) {
        const [a = rest, b = a, c = a, d = a] = factors.slice(index, index + AT_ONCE);
        const weight = (next: number): number =>
          index + next < rank ? (down[(begin + row) * rank + index + next] ?? 0) : 0;
        const [p, q, r, s] = [weight(0), weight(1), weight(2), weight(3)];
        for (let column = 0; column < columns; column++)
          rest[column] =
            (rest[column] ?? 0) -
            p * (a[column] ?? 0) -
            q * (b[column] ?? 0) -
            r * (c[column] ?? 0) -
            s * (d[column] ?? 0);
      }
      for (const value of rest) energy += value * value;
    }
  });
  return energy;
}
