import { describe, expect, it } from "vitest";
import type { MatrixRows } from "../../src/extract/difference-rows.ts";
import { lowRank } from "../../src/extract/low-rank.ts";
import { orthonormalise, rotateOrthogonal } from "../../src/extract/orthogonal.ts";
import { dot } from "../../src/tensor/dot.ts";
import { Noise } from "../support/noise.ts";

const noise = new Noise(31);

function drawn(count: number, length: number): readonly Float64Array[] {
  return Array.from({ length: count }, () => Float64Array.from(noise.values(length)));
}

/** A matrix in memory, given in bands of a few rows. */
function matrix(rows: number, columns: number, values: Float64Array, band: number): MatrixRows {
  return {
    rows,
    columns,
    each: (onBand) => {
      for (let begin = 0; begin < rows; begin += band) {
        const end = Math.min(rows, begin + band);
        onBand(values.slice(begin * columns, end * columns), begin, end - begin);
      }
      return Promise.resolve();
    },
  };
}

/** The matrix that has these singular values, with directions that were drawn. */
function withSingularValues(rows: number, columns: number, singular: readonly number[]) {
  const [left, right] = [drawn(singular.length, rows), drawn(singular.length, columns)];
  for (const some of [left, right]) orthonormalise(some);
  const values = new Float64Array(rows * columns);
  for (const [index, value] of singular.entries())
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const part = (left[index]?.[row] ?? 0) * (right[index]?.[column] ?? 0);
        values[row * columns + column] = (values[row * columns + column] ?? 0) + value * part;
      }
  return values;
}

const energyOf = (values: Iterable<number>): number =>
  [...values].reduce((sum, value) => sum + value * value, 0);

function product(down: Float32Array, along: Float32Array, rank: number, columns: number): number[] {
  return Array.from({ length: (down.length / rank) * columns }, (_unused, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    let sum = 0;
    for (let index = 0; index < rank; index++)
      sum += (down[row * rank + index] ?? 0) * (along[index * columns + column] ?? 0);
    return sum;
  });
}

describe("factors of a stated rank", () => {
  it.each([
    [37, 53, 3, 7],
    [61, 19, 5, 61],
    [23, 23, 1, 1],
  ])(
    "leave of a %d x %d matrix what its smaller singular values hold, rank %d",
    async (rows, columns, rank, band) => {
      const singular = Array.from({ length: Math.min(rows, columns) }, (_unused, at) => 0.9 ** at);
      const values = withSingularValues(rows, columns, singular);
      const energy = energyOf(values);
      const found = await lowRank(matrix(rows, columns, values, band), rank, energy);
      const best = energyOf(singular.slice(rank));
      expect(found.restEnergy).toBeGreaterThan(best * (1 - 1e-6));
      expect(found.restEnergy).toBeLessThan(best * 1.01);
      // The error is that of the factors as they are stored.
      const made = product(found.down, found.along, rank, columns);
      const left = energyOf(made.map((value, at) => (values[at] ?? 0) - value));
      expect(left / found.restEnergy).toBeCloseTo(1, 9);
    },
  );

  it("give a matrix of that rank back, but for float32, and zeros beyond its directions", async () => {
    const values = withSingularValues(29, 41, [5, 4, 1e-3]);
    const { down, along, restEnergy } = await lowRank(
      matrix(29, 41, values, 10),
      6,
      energyOf(values),
    );
    expect(Math.sqrt(restEnergy / energyOf(values))).toBeLessThan(1e-7);
    expect(energyOf(along.subarray(3 * 41))).toBeLessThan(1e-12);
    expect(down).toHaveLength(29 * 6);
  });

  it("have a rank above both of the matrix's sides where that is asked for", async () => {
    const values = withSingularValues(4, 3, [2, 1, 0.5]);
    const { down, along, restEnergy } = await lowRank(matrix(4, 3, values, 2), 9, energyOf(values));
    expect([down.length, along.length]).toEqual([36, 27]);
    expect(Math.sqrt(restEnergy / energyOf(values))).toBeLessThan(1e-7);
  });

  it("are the same each time", async () => {
    const values = Float64Array.from(noise.values(31 * 17));
    const run = () => lowRank(matrix(31, 17, values, 5), 4, energyOf(values));
    expect(await run()).toEqual(await run());
  });
});

describe("vectors", () => {
  it("are orthonormal afterwards; one that depends on those before it is zeros", () => {
    const [a, b, c] = drawn(3, 20);
    if (a === undefined || b === undefined || c === undefined) throw new Error("nothing was drawn");
    const both = a.map((value, at) => 2 * value - (b[at] ?? 0));
    const vectors = [a, b, both, c];
    orthonormalise(vectors);
    expect(
      vectors.map((left) => vectors.map((right) => Math.round(dot(left, right) * 1e12) / 1e12 + 0)),
    ).toEqual([
      [1, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 0, 0],
      [0, 0, 0, 1],
    ]);
  });

  it("that are rotated until they are orthogonal have the matrix's singular values as lengths", () => {
    const values = withSingularValues(5, 12, [7, 3, 2, 1, 0.25]);
    const rows = Array.from({ length: 5 }, (_unused, row) => values.slice(12 * row, 12 * row + 12));
    const lengths = rotateOrthogonal(rows).toSorted((left, right) => right - left);
    for (const [index, value] of [7, 3, 2, 1, 0.25].entries())
      expect(lengths[index]).toBeCloseTo(value, 12);
  });
});
