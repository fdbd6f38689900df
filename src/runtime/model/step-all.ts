import type { Decoder } from "./decoder.ts";
import type { KvCache } from "./kv-cache.ts";

/** Tokens that meet the head at a time: of a vocabulary of 100,000, their logits take 6.4 MB. */
export const SHOWN_ROWS = 16;

/**
 * Appends tokens of one text to its cache and shows the logits [vocab] after each of them, in order, a few in memory at a time;
 * arrays are only good during the call. Where it fails, the cache is only good for `dispose`.
 * @throws WbError WB3804 for an id outside the vocabulary, WB9001 when the signal is aborted, and those of the device.
 */
export async function stepAll(
  decoder: Decoder,
  ids: Int32Array,
  cache: KvCache,
  onLogits: (row: number, logits: Float32Array) => void,
  signal?: AbortSignal,
): Promise<void> {
  const { ops } = decoder;
  const { vocabSize, hiddenSize } = decoder.config;
  const states = await decoder.states(ids, cache, signal); // [1, T, C]
  let normed = states;
  try {
    normed = await decoder.finalNorm(states); // [1, T, C]
    for (let first = 0; first < ids.length; first += SHOWN_ROWS) {
      signal?.throwIfAborted();
      const count = Math.min(SHOWN_ROWS, ids.length - first);
      const rows = ops.scope(() =>
        ops.reshape(ops.slice(normed, 1, first, count), [count, hiddenSize]),
      ); // [n, C]
      try {
        const logits = await decoder.head(rows); // [n, vocab]
        for (let row = 0; row < count; row++)
          onLogits(first + row, logits.subarray(row * vocabSize, (row + 1) * vocabSize));
      } finally {
        ops.free(rows);
      }
    }
  } finally {
    ops.free(states);
    ops.free(normed);
  }
}
