/**
 * The mean cross-entropy of a text as OpenCompass's PPL inferencer takes it, in nats: the sum over all tokens behind the first,
 * divided by the count of all tokens, the first among them. Targets that are the pad token add nothing, and pad tokens do not count
 * (`ignore_index` and the divisor of `HuggingFace._get_ppl`, OpenCompass 0.1.5); a model whose pad token is its end token so gets
 * "</s>" in a text for nothing.
 * @param entropies Of each token but the first, given those before it.
 */
export function textScore(
  ids: readonly number[],
  entropies: readonly number[],
  padId: number | undefined,
): number {
  let sum = 0;
  let count = 0;
  for (const [index, id] of ids.entries()) {
    if (id === padId) continue;
    count++;
    if (index > 0) sum += entropies[index - 1] ?? Number.NaN;
  }
  return sum / count;
}

/**
 * The cross-entropies' sum over a continuation, in nats, divided by `per` (lm-evaluation-harness' loglikelihood with the other sign;
 * acc_norm divides by the choice's characters).
 * @param entropies As in `textScore`.
 * @param from Index of its first token.
 */
export function continuationScore(
  entropies: readonly number[],
  { from, per }: { readonly from: number; readonly per: number },
): number {
  return entropies.slice(from - 1).reduce((sum, entropy) => sum + entropy, 0) / per;
}

/** The label with the smallest score; the first of those that are equal. Undefined where a score is no number. */
export function smallest(scores: ReadonlyMap<string, number>): string | undefined {
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const [label, score] of scores) {
    if (Number.isNaN(score)) return undefined;
    if (score >= least) continue;
    best = label;
    least = score;
  }
  return best;
}
