import type { Cause } from "../../diagnose/diagnosis.ts";
import type { Alternative } from "../alternatives.ts";
import type { LogRow } from "../log-row.ts";
import type { Distributions } from "../own-logits.ts";
import { probabilities, type Outcomes } from "./outcomes.ts";

/** What a server may do in place of drawing from our distributions. */
export interface Rival {
  /** Undefined where it only stands for anything else, and has no name. */
  readonly cause: Cause | "undetermined" | undefined;
  /** What the server would do: "has weights of Q4_0". */
  readonly what: string;
  /** What its greedy tokens are the best of; ours where it only draws otherwise. */
  readonly best: Distributions;
  /** Probabilities of the outcomes in one row. */
  probabilities(sequence: number, row: number): Float64Array;
}

/** Temperatures that are bet on; any other is fitted where one of them wins. */
export const TEMPERATURES = [0.4, 0.6, 0.8, 1.25, 1.6];

/** How servers leave unlikely tokens out, the defaults of the usual ones. */
const CUTS: readonly {
  readonly what: string;
  readonly keeps: (sorted: readonly number[]) => number;
}[] = [
  { what: "the likeliest 40 tokens (top_k)", keeps: () => 40 },
  ...[0.8, 0.95].map((share) => ({
    what: `the likeliest tokens that have ${share} together (top_p)`,
    keeps: (sorted: readonly number[]): number => {
      let [sum, count] = [0, 0];
      while (sum < share && count < sorted.length) sum += sorted[count++] ?? 0;
      return count;
    },
  })),
];

/** All rivals: other temperatures, cuts, other weights and readings, and anything at all. */
export async function rivalsFor(
  own: Distributions,
  outcomes: Outcomes,
  alternatives: readonly Alternative[],
): Promise<readonly Rival[]> {
  const at = (sequence: number, row: number): LogRow => rowIn(own, sequence, row);
  const drawn = TEMPERATURES.map((temperature): Rival =>
    temperatureRival(own, outcomes, temperature),
  );
  const cuts = CUTS.map(({ what, keeps }): Rival => ({
    cause: "undetermined",
    what: `draws from ${what} alone, whatever is asked`,
    best: own,
    probabilities: (sequence, row) => cut(probabilities(at(sequence, row), outcomes), keeps),
  }));
  const others: Rival[] = [];
  for (const alternative of alternatives) {
    const { cause, what } = alternative;
    const rows = await alternative.distributions();
    others.push({
      cause,
      what,
      best: rows,
      probabilities: (sequence, row) => probabilities(rowIn(rows, sequence, row), outcomes),
    });
  }
  const anything: Rival = {
    cause: undefined,
    what: "is something else",
    best: own,
    probabilities: (sequence, row) =>
      probabilities(at(sequence, row), outcomes).map(
        (value) => value / 2 + 1 / (2 * outcomes.count),
      ),
  };
  return [...drawn, ...cuts, ...others, anything];
}

export function temperatureRival(
  own: Distributions,
  outcomes: Outcomes,
  temperature: number,
): Rival {
  return {
    cause: "temperature",
    what: `draws at temperature ${temperature.toFixed(2)}`,
    best: own,
    probabilities: (sequence, row) =>
      probabilities(rowIn(own, sequence, row).at(temperature), outcomes),
  };
}

export function rowIn(rows: Distributions, sequence: number, row: number): LogRow {
  const found = rows[sequence]?.[row];
  if (found === undefined) throw new RangeError(`no row ${row} of sequence ${sequence}`);
  return found;
}

/** Only the likeliest outcomes, made to sum up to 1 again. */
function cut(values: Float64Array, keeps: (sorted: readonly number[]) => number): Float64Array {
  const sorted = [...values].sort((left, right) => right - left);
  const least = sorted[Math.max(0, Math.min(sorted.length, keeps(sorted)) - 1)] ?? 0;
  const kept = values.map((value) => (value >= least ? value : 0));
  const sum = kept.reduce((total, value) => total + value, 0);
  return kept.map((value) => value / sum);
}
