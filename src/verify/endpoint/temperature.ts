import type { Distributions } from "./own-logits.ts";
import { comparedValues, residualSize, type Size } from "./residuals.ts";
import type { ToldSequence } from "./told.ts";

/** Temperatures that are looked through, each so many times the one before. */
const LEAST = 0.05;
const MOST = 20;
const STEP = 1.25;

/** Halvings of the step around the best. */
const REFINEMENTS = 12;

/** The temperature at which our log-probabilities come nearest to the server's, and how near. */
export function fittedTemperature(
  sequences: readonly ToldSequence[],
  own: Distributions,
): { readonly temperature: number; readonly size: Size } {
  const sizeAt = (temperature: number): Size =>
    residualSize(
      comparedValues(
        sequences,
        own.map((rows) => rows.map((row) => row.at(temperature))),
      ),
    );
  let best = { temperature: 1, size: sizeAt(1) };
  const consider = (temperature: number): void => {
    const size = sizeAt(temperature);
    if (size.rms < best.size.rms) best = { temperature, size };
  };
  for (let temperature = LEAST; temperature <= MOST; temperature *= STEP) consider(temperature);
  let factor = STEP;
  for (let round = 0; round < REFINEMENTS; round++) {
    factor = Math.sqrt(factor);
    const middle = best.temperature;
    consider(middle * factor);
    consider(middle / factor);
  }
  return best;
}

/** Rows that a temperature is fitted to: each step of the fit sums over their whole vocabulary. */
const FITTED_ROWS = 48;

/** Some of the rows, evenly over all sequences. */
export function someRows(
  sequences: readonly ToldSequence[],
  own: Distributions,
): { readonly sequences: readonly ToldSequence[]; readonly own: Distributions } {
  const all = sequences.reduce((sum, { rows }) => sum + rows.length, 0);
  const every = Math.max(1, Math.ceil(all / FITTED_ROWS));
  return {
    sequences: sequences.map((one) => ({
      ...one,
      rows: one.rows.filter((_row, index) => index % every === 0),
    })),
    own: own.map((rows) => rows.filter((_row, index) => index % every === 0)),
  };
}
