/**
 * −ln softmax(logits)[id] of each id, in nats; float64 arithmetic on float32 logits.
 * NaN where a logit is none, which a caller must not take for a score.
 */
export function crossEntropies(logits: Float32Array, ids: readonly number[]): readonly number[] {
  let largest = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < logits.length; index++) {
    const value = logits[index] ?? Number.NaN;
    // NaN wins.
    if (!(value <= largest)) largest = value;
  }
  let sum = 0;
  for (let index = 0; index < logits.length; index++)
    sum += Math.exp((logits[index] ?? Number.NaN) - largest);
  const rest = Math.log(sum);
  return ids.map((id) => largest - (logits[id] ?? Number.NaN) + rest);
}
