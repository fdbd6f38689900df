const words = new BigInt64Array(1);
const double = new Float64Array(words.buffer);

/** a · b + c of float32 numbers, rounded to float32 once. */
export function fusedMultiplyAdd(a: number, b: number, c: number): number {
  // Exact: 24 bits by 24.
  const product = a * b;
  const sum = product + c;
  // What the sum in float64 lost (Knuth's TwoSum).
  const other = sum - product;
  const lost = product - (sum - other) + (c - other);
  double[0] = sum;
  const bits = words[0] ?? 0n;
  // Rounded to odd, so that rounding to float32 is as if nothing was lost.
  if (lost !== 0 && (bits & 1n) === 0n) words[0] = bits + (lost > 0 === sum > 0 ? 1n : -1n);
  return Math.fround(double[0] ?? Number.NaN);
}
