import type { Decoder } from "../../runtime/model/decoder.ts";
import type { KvCache } from "../../runtime/model/kv-cache.ts";
import { stepEntropies } from "../../runtime/model/step-entropies.ts";
import { WbError } from "../../errors/wb-error.ts";
import type { PassPlan, PrefixPlan } from "./prefix-plan.ts";

/** Tokens of one text that pass the layers at once; a token's logits do not depend on it. */
export const PASS_TOKENS = 512;

export interface ScoreTextsOptions {
  /** False where parts of a text would have other bits than the whole: then each passes at once. */
  readonly inParts: boolean;
  /** Told of tokens that have passed. */
  readonly onTokens?: ((tokens: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Walks a plan and gives each text's cross-entropies, of each token but the first given those before it, in the plan's order.
 * @throws WbError WB3804 for an id outside the vocabulary, and those of the runtime.
 */
export async function* scoreTexts(
  decoder: Decoder,
  texts: readonly (readonly number[])[],
  plan: PrefixPlan,
  options: ScoreTextsOptions,
): AsyncGenerator<{ readonly text: number; readonly entropies: readonly number[] }> {
  for (const ids of texts) decoder.checkIds(ids);
  const passes = new Map(plan.passes.map((pass) => [pass.text, pass]));
  // By token of the path that is cached: the cross-entropy of each token that may follow it.
  const path: ReadonlyMap<number, number>[] = [];
  const cache = decoder.createCache(1);
  try {
    for (const text of plan.order) {
      const ids = texts[text] ?? [];
      const pass = passes.get(text);
      if (pass !== undefined) await runPass(decoder, cache, ids, pass, path, options);
      yield { text, entropies: ids.slice(1).map((id, index) => entropyOf(path, index, id)) };
    }
  } finally {
    cache.dispose();
  }
}

function entropyOf(
  path: readonly ReadonlyMap<number, number>[],
  index: number,
  id: number,
): number {
  const entropy = path[index]?.get(id);
  if (entropy !== undefined) return entropy;
  throw new WbError("WB7001", `token ${id} behind token ${index} was not asked for`);
}

async function runPass(
  decoder: Decoder,
  cache: KvCache,
  ids: readonly number[],
  { keep, end, next }: PassPlan,
  path: ReadonlyMap<number, number>[],
  { inParts, onTokens, signal }: ScoreTextsOptions,
): Promise<void> {
  cache.truncate(keep);
  path.length = keep;
  const size = inParts ? PASS_TOKENS : end - keep;
  for (let begin = keep; begin < end; begin += size) {
    const part = Int32Array.from(ids.slice(begin, Math.min(end, begin + size)));
    const targets = next.slice(begin - keep, begin - keep + part.length);
    const found = await stepEntropies(decoder, part, cache, targets, signal);
    for (const [row, values] of found.entries())
      path[begin + row] = new Map(
        targets[row]?.map((id, index) => [id, values[index] ?? Number.NaN]),
      );
    onTokens?.(part.length);
  }
}
