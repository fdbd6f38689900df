import { LOWEST, type ComputeDtype } from "../ops.ts";
import type { KeyMask } from "./steps.ts";

/** A mask to add to scores; batch is 1 when all rows have the same. */
export interface AdditiveMask {
  readonly data: Float32Array;
  /** [batch, 1, queries, keys] */
  readonly shape: readonly [number, 1, number, number];
}

/**
 * The sum of the causal mask (lowest number above the diagonal) and the padding mask (lowest number at padded keys). Where
 * both apply the sum is −∞, so that scores are raised to the lowest number afterwards: a row in which everything is
 * masked then comes out uniform, not NaN (InternLM's modeling code, as LLaMA's of transformers v4.31.0).
 *
 * @param first index of the first query among the keys; @param queries how many of them; @param keys L.
 * @returns undefined when nothing is masked.
 */
export function additiveMask(
  compute: ComputeDtype,
  keyMask: KeyMask,
  first: number,
  queries: number,
  keys: number,
): AdditiveMask | undefined {
  if (keyMask === undefined && first + 1 >= keys) return undefined;
  const lowest = LOWEST[compute];
  const batch = keyMask?.length ?? 1;
  const data = new Float32Array(batch * queries * keys);
  for (let row = 0; row < batch; row++) {
    const visible = keyMask?.[row];
    for (let query = 0; query < queries; query++) {
      const begin = (row * queries + query) * keys;
      if (visible !== undefined) {
        for (let key = 0; key < keys; key++) {
          if (visible[key] !== 1) data[begin + key] = lowest;
        }
      }
      for (let key = first + query + 1; key < keys; key++) {
        data[begin + key] = (data[begin + key] ?? 0) + lowest;
      }
    }
  }
  return { data, shape: [batch, 1, queries, keys] };
}
