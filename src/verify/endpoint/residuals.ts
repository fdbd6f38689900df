import type { Distributions, ShakenDistributions, Wanted } from "./own-logits.ts";
import type { ToldSequence } from "./told.ts";

/** OpenAI's mark for a probability of 0, which JSON has no logarithm of. */
const LOG_OF_ZERO = -9999;

/** What is compared of one value: the server's, and ours under the model that is held against it. */
export interface ComparedValue {
  readonly sequence: number;
  readonly row: number;
  readonly id: number;
  readonly told: number;
  readonly own: number;
}

/** Root of the mean square, and the largest, of some differences. */
export interface Size {
  readonly rms: number;
  readonly max: number;
  readonly count: number;
}

/** What our model has to compute for what the server told. */
export function wantedOf(sequences: readonly ToldSequence[]): readonly Wanted[] {
  return sequences.map(({ ids, rows }) => ({
    ids,
    positions: rows.map(({ position }) => position),
  }));
}

/** Every value that the server told, beside ours. */
export function comparedValues(
  sequences: readonly ToldSequence[],
  own: Distributions,
): readonly ComparedValue[] {
  return sequences.flatMap(({ rows }, sequence) =>
    rows.flatMap(({ values }, row) =>
      values.flatMap(({ id, logprob }) => {
        if (logprob <= LOG_OF_ZERO) return [];
        const value = own[sequence]?.[row]?.logprob(id) ?? Number.NaN;
        return [{ sequence, row, id, told: logprob, own: value }];
      }),
    ),
  );
}

/** How far the server's values are from ours. NaN wins. */
export function residualSize(values: readonly ComparedValue[]): Size {
  return sizeOf(values.map(({ told, own }) => told - own));
}

export function sizeOf(differences: readonly number[]): Size {
  let [squares, max] = [0, 0];
  for (const difference of differences) {
    squares += difference * difference;
    max = Math.max(max, Math.abs(difference));
  }
  const count = differences.length;
  return { rms: count === 0 ? Number.NaN : Math.sqrt(squares / count), max, count };
}

/** What rounding makes of the same values: shaken copies against their own sequences, at the ids that the server told. */
export function noiseSize(
  sequences: readonly ToldSequence[],
  { own, copies }: ShakenDistributions,
): Size {
  const differences = copies.flatMap(({ of, rows }) =>
    (sequences[of]?.rows ?? []).flatMap(({ values }, row) =>
      values.flatMap(({ id }) => {
        const [plain, shaken] = [own[of]?.[row], rows[row]];
        return plain === undefined || shaken === undefined
          ? []
          : [shaken.logprob(id) - plain.logprob(id)];
      }),
    ),
  );
  return sizeOf(differences.filter(Number.isFinite));
}

/** How far the server's departure from our values goes the way of an alternative's, and how far along it. */
export interface Likeness {
  /** Correlation without means: 1 where both depart in proportion, about 0 where the server's departure is noise. */
  readonly correlation: number;
  /** 1 where the server departs as far as the alternative. */
  readonly share: number;
}

export function likenessOf(
  values: readonly ComparedValue[],
  alternative: readonly ComparedValue[],
): Likeness {
  let [product, theirs, others] = [0, 0, 0];
  for (const [index, { told, own }] of values.entries()) {
    const departure = told - own;
    const predicted = (alternative[index]?.own ?? Number.NaN) - own;
    product += departure * predicted;
    theirs += departure * departure;
    others += predicted * predicted;
  }
  return { correlation: product / Math.sqrt(theirs * others), share: product / others };
}
