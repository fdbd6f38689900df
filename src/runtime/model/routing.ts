import type { ExpertsConfig } from "../../model/config/model-config.ts";

/** How a token's experts are chosen and weighted. */
export type Choice = Pick<
  ExpertsConfig,
  "perToken" | "isNormalised" | "scoring" | "groups" | "leastSum" | "scale"
>;

/**
 * The experts that one token takes, with their weights: those whose scores are largest, the first of equal ones.
 * Softmax as Shazeer et al. 2017 (arXiv 1701.06538, equations 3 to 5); sigmoid, corrections and groups as DeepSeek-V3 (arXiv
 * 2412.19437, equations 13 to 16; transformers v5.23.0, models/deepseek_v3/modeling_deepseek_v3.py, `DeepseekV3TopkRouter`).
 * @param logits The router's outputs, [E].
 */
export function routedBy(
  logits: Float32Array,
  { perToken, isNormalised, scoring, groups, leastSum = 0, scale = 1 }: Choice,
  correction: Float32Array | undefined,
): readonly (readonly [expert: number, weight: number])[] {
  const scores = scoring === "sigmoid" ? Array.from(logits, sigmoid) : softmax(logits);
  const compared = scores.map((score, expert) => score + (correction?.[expert] ?? 0));
  // Scores that nothing is added to have the order of the outputs, of which two that differ may have one score.
  const isPlain = correction === undefined && groups === undefined;
  const open = groups === undefined ? undefined : openExperts(compared, groups);
  const chosen = [...compared.keys()]
    .filter((expert) => open?.[expert] ?? true)
    .toSorted(larger(isPlain ? logits : compared))
    .slice(0, perToken);
  const sum = chosen.reduce((total, expert) => total + (scores[expert] ?? 0), 0);
  const factor = isNormalised ? scale / Math.max(sum, leastSum) : scale;
  return chosen.map((expert) => [expert, factor * (scores[expert] ?? 0)]);
}

/** For each expert, whether it is of a group that the token takes. */
function openExperts(
  compared: readonly number[],
  { count, perToken, score }: NonNullable<Choice["groups"]>,
): readonly boolean[] {
  const size = compared.length / count;
  const sums = Array.from({ length: count }, (_unused, group) =>
    compared
      .slice(group * size, (group + 1) * size)
      .toSorted((left, right) => right - left)
      .slice(0, score === "best" ? 1 : 2)
      .reduce((total, value) => total + value, 0),
  );
  const open = new Set([...sums.keys()].toSorted(larger(sums)).slice(0, perToken));
  return compared.map((_value, expert) => open.has(Math.floor(expert / size)));
}

/** Orders indices by their numbers, the largest first. */
function larger(numbers: ArrayLike<number>): (left: number, right: number) => number {
  return (left, right) => (numbers[right] ?? 0) - (numbers[left] ?? 0) || left - right;
}

function softmax(logits: Float32Array): readonly number[] {
  const most = logits.reduce((largest, one) => Math.max(largest, one), Number.NEGATIVE_INFINITY);
  const powers = Array.from(logits, (logit) => Math.exp(logit - most));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
