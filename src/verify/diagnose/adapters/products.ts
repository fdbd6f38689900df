/** A matrix, row-major. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

export function newMatrix(rows: number, columns: number): Matrix {
  return { rows, columns, data: new Float64Array(rows * columns) };
}

/** left [T, n] · rightᵀ, of right [m, n]: [T, m]. */
export function byTransposed(left: Matrix, right: Matrix): Matrix {
  const result = newMatrix(left.rows, right.rows);
  const { columns: n } = left;
  for (let row = 0; row < left.rows; row++) {
    for (let out = 0; out < right.rows; out++) {
      let sum = 0;
      for (let at = row * n, other = out * n, end = at + n; at < end; at++, other++)
        sum += (left.data[at] ?? 0) * (right.data[other] ?? 0);
      result.data[row * right.rows + out] = sum;
    }
  }
  return result;
}

/** left [T, m] · right [m, n]: [T, n]. */
export function by(left: Matrix, right: Matrix): Matrix {
  const result = newMatrix(left.rows, right.columns);
  const { columns: n } = right;
  for (let row = 0; row < left.rows; row++) {
    for (let inner = 0; inner < right.rows; inner++) {
      const factor = left.data[row * right.rows + inner] ?? 0;
      if (factor === 0) continue;
      for (let column = 0, at = row * n, other = inner * n; column < n; column++, at++, other++)
        result.data[at] = (result.data[at] ?? 0) + factor * (right.data[other] ?? 0);
    }
  }
  return result;
}

/** Adds leftᵀ · right, of left [T, m] and right [T, n], to `sum` [m, n]. */
export function addProduct(sum: Float64Array, left: Matrix, right: Matrix): void {
  const { columns: n } = right;
  for (let row = 0; row < left.rows; row++) {
    for (let out = 0; out < left.columns; out++) {
      const factor = left.data[row * left.columns + out] ?? 0;
      if (factor === 0) continue;
      for (let column = 0, at = out * n, other = row * n; column < n; column++, at++, other++)
        sum[at] = (sum[at] ?? 0) + factor * (right.data[other] ?? 0);
    }
  }
}

/** Adds a matrix to another one of the same shape. */
export function addTo(sum: Matrix, other: Matrix): void {
  for (const [index, value] of other.data.entries())
    sum.data[index] = (sum.data[index] ?? 0) + value;
}

export function dot(left: Float64Array, right: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < left.length; index++) sum += (left[index] ?? 0) * (right[index] ?? 0);
  return sum;
}
