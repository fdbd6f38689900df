import { dot } from "../tensor/dot.ts";

/** Some vectors of one length. */
export type Vectors = readonly Float64Array[];

/** What is left of a vector, against its length, that counts as nothing but rounding. */
const NOTHING = 1e-13;

/** Makes vectors orthonormal in place, by Gram and Schmidt twice; one that depends on those before it becomes zeros. */
export function orthonormalise(vectors: Vectors): void {
  for (const [index, vector] of vectors.entries()) {
    const before = Math.sqrt(dot(vector, vector));
    for (let pass = 0; pass < 2; pass++)
      for (const other of vectors.slice(0, index)) addTo(vector, other, -dot(vector, other));
    const length = Math.sqrt(dot(vector, vector));
    scale(vector, length > NOTHING * before ? 1 / length : 0);
  }
}

/** Sweeps of rotations at most; six to ten are enough for hundreds of vectors. */
const MAX_SWEEPS = 40;

/** Cosine of two vectors that are orthogonal but for rounding. */
const ORTHOGONAL = 1e-15;

/**
 * Rotates vectors among themselves, in place, until they are orthogonal: one-sided Jacobi rotations (Hestenes 1958). Their lengths
 * then are the singular values of the matrix that has them as columns.
 * @returns the lengths.
 */
export function rotateOrthogonal(vectors: Vectors): readonly number[] {
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    let isDone = true;
    for (let first = 0; first < vectors.length; first++)
      for (let second = first + 1; second < vectors.length; second++)
        if (rotate(vectors[first], vectors[second])) isDone = false;
    if (isDone) break;
  }
  return vectors.map((vector) => Math.sqrt(dot(vector, vector)));
}

/** Makes two vectors orthogonal by rotating them in their plane; false where they were. */
function rotate(left: Float64Array | undefined, right: Float64Array | undefined): boolean {
  if (left === undefined || right === undefined) return false;
  const [a, b, c] = [dot(left, left), dot(right, right), dot(left, right)];
  if (Math.abs(c) <= ORTHOGONAL * Math.sqrt(a * b)) return false;
  const ratio = (b - a) / (2 * c);
  const tangent = Math.sign(ratio || 1) / (Math.abs(ratio) + Math.hypot(1, ratio));
  const cosine = 1 / Math.hypot(1, tangent);
  const sine = cosine * tangent;
  for (let index = 0; index < left.length; index++) {
    const [x, y] = [left[index] ?? 0, right[index] ?? 0];
    left[index] = cosine * x - sine * y;
    right[index] = sine * x + cosine * y;
  }
  return true;
}

export function scale(vector: Float64Array, factor: number): void {
  for (let index = 0; index < vector.length; index++) vector[index] = (vector[index] ?? 0) * factor;
}

function addTo(target: Float64Array, other: Float64Array, factor: number): void {
  for (let index = 0; index < target.length; index++)
    target[index] = (target[index] ?? 0) + factor * (other[index] ?? 0);
}
