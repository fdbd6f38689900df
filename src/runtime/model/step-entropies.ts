import { embeddingSize } from "../../model/axes.ts";
import type { Decoder, TokenPart } from "./decoder.ts";
import type { KvCache } from "./kv-cache.ts";
import { tokenEntropies } from "./token-entropies.ts";

/**
 * Passes tokens as `Decoder.states` does, and gives the cross-entropies of what is asked for behind each, as `tokenEntropies` does.
 * Where it fails, the cache is only good for `dispose`.
 * @param wanted Ids of each of the tokens, part after part.
 * @throws WbError WB3804 for an id outside the vocabulary, WB9001 when the signal is aborted, and those of the device.
 */
export async function stepEntropies(
  decoder: Decoder,
  parts: readonly TokenPart[],
  cache: KvCache,
  wanted: readonly (readonly number[])[],
  signal?: AbortSignal,
): Promise<readonly (readonly number[])[]> {
  const { ops } = decoder;
  const states = await decoder.states(parts, cache, signal); // [1, T, C]
  let normed = states;
  let rows = states;
  try {
    normed = await decoder.finalNorm(states); // [1, T, C]
    rows = ops.reshape(normed, [wanted.length, embeddingSize(decoder.config)]); // [T, E]
    return await tokenEntropies(decoder, rows, wanted);
  } finally {
    for (const value of new Set([states, normed, rows])) ops.free(value);
  }
}
