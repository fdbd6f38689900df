import type { Beside } from "./local-lab.ts";

/** Share of the vocabulary that damaged rows of lm_head stay below. */
const FEW_ROWS = 0.05;

/** How many times as far off as all others their logits are: what departs a little everywhere passes the noise at some tokens first. */
const APART = 4;

/**
 * Tokens whose logits alone are wrong, as only their rows of lm_head can do it.
 * @param noise What logits may differ by.
 * @returns undefined where there are none, too many, or others that are nearly as far off.
 */
export function wrongHeadRows(
  outputs: readonly Beside[],
  vocabSize: number,
  noise: number,
): readonly number[] | undefined {
  const departures = new Float64Array(vocabSize);
  for (const { ours, reference } of outputs)
    for (let index = 0; index < reference.length; index++) {
      const off = Math.abs((ours[index] ?? Number.NaN) - (reference[index] ?? 0));
      const token = index % vocabSize;
      departures[token] = Math.max(departures[token] ?? 0, off);
    }
  const wrong: number[] = [];
  let [least, rest] = [Number.POSITIVE_INFINITY, 0];
  for (const [token, departure] of departures.entries())
    if (departure <= noise) rest = Math.max(rest, departure);
    else {
      wrong.push(token);
      least = Math.min(least, Number.isNaN(departure) ? Number.POSITIVE_INFINITY : departure);
    }
  const isFew = wrong.length > 0 && wrong.length <= FEW_ROWS * vocabSize;
  return isFew && least >= APART * rest ? wrong : undefined;
}
