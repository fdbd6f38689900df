/** Values at the largest size that are needed, and how many times as many as within the next hundredth below it. */
const LEAST = 16;
const PILED = 4;
const BELOW = 0.99;

/** Values of the largest size. */
export interface Pile {
  readonly size: number;
  readonly count: number;
}

/** The values of the largest size, where they are far more than those of about that size. */
export function pileOf(data: Float32Array): Pile | undefined {
  let size = 0;
  for (const value of data) size = Math.max(size, Math.abs(value));
  if (!(size > 0) || !Number.isFinite(size)) return undefined;
  let [count, near, above] = [0, 0, 0];
  for (const value of data) {
    const own = Math.abs(value);
    if (own === size) {
      count++;
      if (value > 0) above++;
    } else if (own >= BELOW * size) near++;
  }
  const isOfBoth = above > 0 && above < count;
  return isOfBoth && count >= LEAST && count >= PILED * near ? { size, count } : undefined;
}
