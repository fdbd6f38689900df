import { inLayer } from "../../../model/layer-number.ts";
import { ATTENTION, HEAD_NORMS } from "../../../model/network.ts";
import type { Hypothesis } from "../hypotheses/hypothesis.ts";

/** What mistakes of one kind share, so that what explains one layer is tried first on the others. */
export function kindOf({ cause, mistake, tensors }: Hypothesis): string {
  return [cause, mistake, ...tensors.map((name) => inLayer(name, "{i}"))].join(" ");
}

/**
 * Mistakes in the order in which they are tried. The first token of a prompt attends to itself alone, so that queries and keys
 * change nothing there: where it is right, nothing else than those is wrong.
 */
export function likelyFirst(
  hypotheses: readonly Hypothesis[],
  isFirstWrong: boolean,
  known: ReadonlySet<string>,
): readonly Hypothesis[] {
  const possible = isFirstWrong ? hypotheses : hypotheses.filter(isOfQueryAndKey);
  const rank = (hypothesis: Hypothesis): number => {
    if (known.has(kindOf(hypothesis))) return 0;
    return isFirstWrong && isOfQueryAndKey(hypothesis) ? 2 : 1;
  };
  return possible.toSorted((left, right) => rank(left) - rank(right));
}

/** Modules that nothing but scores depends on. */
const OF_SCORES = [ATTENTION.query, ATTENTION.key, HEAD_NORMS.query, HEAD_NORMS.key];

export function isOfQueryAndKey({ tensors }: Pick<Hypothesis, "tensors">): boolean {
  return tensors.every((name) => OF_SCORES.some((module) => name.includes(`.${module}.`)));
}
