import type { Diagnosis } from "../diagnosis.ts";
import type { Hypothesis } from "../hypotheses/hypothesis.ts";
import {
  explained,
  searchExplanations,
  type Departure,
  type Measure,
  type Readers,
  type SearchBudget,
} from "../golden/search.ts";

/**
 * NaN and infinities may be what bytes in another order or of another dtype look like: that is tried before they are reported
 * as what they are.
 * @param nonFinite What the values show.
 * @param rereadings How the bits could be read otherwise.
 */
export async function explainNonFinite(
  nonFinite: readonly Diagnosis[],
  rereadings: readonly Hypothesis[],
  readers: Readers,
  measure: Measure,
  departure: Departure,
  budget: SearchBudget,
): Promise<readonly Diagnosis[]> {
  const wrong = new Set(nonFinite.flatMap(({ tensors }) => tensors));
  // Only what puts all of them right is worth a run of the model.
  const candidates = rereadings.filter(({ tensors }) =>
    [...wrong].every((name) => tensors.includes(name)),
  );
  const found = await searchExplanations(candidates, readers, measure, departure, budget);
  if (found.length === 0) return nonFinite;
  return found.map(explained);
}
