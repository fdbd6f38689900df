/**
 * Of a row of logits [vocab]: the largest, the sum of e^(logit − largest), and those of `wanted`; float64 arithmetic on float32 logits.
 * NaN where a logit is none, which a caller must not take for a score.
 */
export function hostLogSums(logits: Float32Array, wanted: readonly number[]): readonly number[] {
  let largest = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < logits.length; index++) {
    const value = logits[index] ?? Number.NaN;
    // NaN wins.
    if (!(value <= largest)) largest = value;
  }
  let sum = 0;
  for (let index = 0; index < logits.length; index++)
    sum += Math.exp((logits[index] ?? Number.NaN) - largest);
  return [largest, sum, ...wanted.map((id) => logits[id] ?? Number.NaN)];
}
