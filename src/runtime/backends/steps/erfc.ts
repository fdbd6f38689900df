/** Where the series of erf and the fraction of erfc take about as many terms; both are exact to a few roundings of float64. */
const BORDER = 2.5;

/** Levels of the fraction: from `BORDER` on, more change no bit. */
const LEVELS = 80;

/** The complementary error function, to about 1e-15 of its value. */
export function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  return x < BORDER ? 1 - erf(x) : tail(x);
}

/** 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (1 · 3 · … · (2n+1)) (Abramowitz and Stegun, 7.1.6): no term is negative. */
function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; term > sum * Number.EPSILON; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** e^(−x²)/√π · 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + …)))) (Abramowitz and Stegun, 7.1.14). */
function tail(x: number): number {
  let below = x;
  for (let level = LEVELS; level > 0; level--) below = x + level / 2 / below;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * below);
}
