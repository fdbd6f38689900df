import { short } from "../compare/tolerance.ts";
import type { Diagnosis } from "../diagnose/diagnosis.ts";
import { alternativesFor, type Alternative, type AlternativeFacts } from "./alternatives.ts";
import { comparedValues, likenessOf, residualSize, type ComparedValue } from "./residuals.ts";
import { fittedTemperature, someRows } from "./temperature.ts";

/** What may be left of a departure, where an alternative explains it. */
const EXPLAINED = 0.2;

/** A temperature so near to 1 is ours. */
const SAME_TEMPERATURE = 0.02;

/** How alike the server's departure and an alternative's are to be, and how far along it the server is, for it to be named. */
const ALIKE = 0.5;
const LEAST_SHARE = 0.5;
const MOST_SHARE = 1.5;

/** Values at least that a direction can be told from: by chance they correlate by about one over the root of their number. */
const LEAST_VALUES = 40;

export interface Departed extends AlternativeFacts {
  /** Root of the mean square that is explained by the noise of the coarsest dtype. */
  readonly allowed: number;
  /** Whether the departure is within the gate: then only what hides in noise is looked for. */
  readonly isWithin: boolean;
}

/**
 * What makes the server's log-probabilities others than ours: a temperature is solved for, other readings and weights are tried
 * with our own model. Undefined where nothing is wrong, as far as can be told.
 */
export async function explainDeparture(departed: Departed): Promise<Diagnosis | undefined> {
  const { sequences, own, allowed, isWithin } = departed;
  const values = comparedValues(sequences, own);
  const before = residualSize(values).rms;
  const limit = Math.max(allowed, EXPLAINED * before);
  if (!isWithin) {
    const warm = temperatureDiagnosis(departed, before, limit);
    if (warm !== undefined) return warm;
  }
  const tried: string[] = [];
  let alike: { readonly diagnosis: Diagnosis; readonly correlation: number } | undefined;
  for (const alternative of alternativesFor(departed)) {
    departed.options.signal?.throwIfAborted();
    if (isWithin && !alternative.isSmall) continue;
    const others = comparedValues(sequences, await alternative.distributions());
    const after = residualSize(swapped(values, others)).rms;
    if (!alternative.isSmall) {
      if (after <= limit) return named(alternative, before, after);
      tried.push(`that the server ${alternative.what} (${short(after)})`);
      continue;
    }
    const own_ = residualSize(
      others.map((one, index) => ({ ...one, told: values[index]?.own ?? 0 })),
    );
    tried.push(
      `that it ${alternative.what} (${short(after)}; such weights depart by ${short(own_.rms)})`,
    );
    const { correlation, share } = likenessOf(values, others);
    const isAlike =
      values.length >= LEAST_VALUES &&
      correlation >= ALIKE &&
      share >= LEAST_SHARE &&
      share <= MOST_SHARE;
    if (!isAlike || correlation <= (alike?.correlation ?? 0)) continue;
    alike = {
      correlation,
      diagnosis: alikeDiagnosis(alternative, { before, after, correlation, share }),
    };
  }
  if (alike !== undefined) return alike.diagnosis;
  if (isWithin) return undefined;
  return {
    cause: "other-weights",
    tensors: [],
    evidence: `the server's log-probabilities depart from these weights' by ${short(before)} in the mean, where rounding explains ${short(allowed)}: other weights, or other settings of these; none of these explains it: another temperature, ${tried.join(", ")}`,
    before,
  };
}

/** The server's values beside an alternative's in place of ours. */
function swapped(
  values: readonly ComparedValue[],
  others: readonly ComparedValue[],
): readonly ComparedValue[] {
  return values.map((value, index) => ({ ...value, own: others[index]?.own ?? Number.NaN }));
}

function temperatureDiagnosis(
  { sequences, own }: Departed,
  before: number,
  limit: number,
): Diagnosis | undefined {
  const some = someRows(sequences, own);
  const { temperature } = fittedTemperature(some.sequences, some.own);
  if (Math.abs(temperature - 1) < SAME_TEMPERATURE) return undefined;
  const rows = own.map((list) => list.map((row) => row.at(temperature)));
  const after = residualSize(comparedValues(sequences, rows)).rms;
  if (!(after <= limit)) return undefined;
  return {
    cause: "temperature",
    tensors: [],
    evidence: `the server's log-probabilities are those of these weights' logits divided by ${temperature.toFixed(2)}: with that temperature the departure falls from ${short(before)} to ${short(after)} in the mean`,
    before,
    after,
  };
}

function named({ cause, what }: Alternative, before: number, after: number): Diagnosis {
  return {
    cause,
    tensors: [],
    evidence: `the server ${what}: with that the departure falls from ${short(before)} to ${short(after)} in the mean`,
    before,
    after,
  };
}

interface Alike {
  readonly before: number;
  readonly after: number;
  readonly correlation: number;
  readonly share: number;
}

function alikeDiagnosis(
  { cause, what }: Alternative,
  { before, after, correlation, share }: Alike,
): Diagnosis {
  return {
    cause,
    tensors: [],
    evidence: `the server ${what}: its departure from these weights goes the same way (correlation ${correlation.toFixed(2)}, where rounding alone gives about 0) and ${share.toFixed(2)} times as far; with such weights in place of these it falls from ${short(before)} to ${short(after)} in the mean`,
    before,
    after,
  };
}
