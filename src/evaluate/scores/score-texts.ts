import type { Decoder } from "../../runtime/model/decoder.ts";
import type { KvCache } from "../../runtime/model/kv-cache.ts";
import { stepEntropies } from "../../runtime/model/step-entropies.ts";
import { WbError } from "../../errors/wb-error.ts";
import { passBatches, type BatchPart } from "./pass-batches.ts";
import type { PrefixPlan } from "./prefix-plan.ts";

/** Tokens that pass the layers at once; a token's logits do not depend on it. */
export const PASS_TOKENS = 512;

/**
 * How tokens pass: "whole", each text at once, where parts of it would have other bits; "parts" of one text at a time; or
 * "together", those of several texts.
 */
export type Passing = "whole" | "parts" | "together";

export interface ScoreTextsOptions {
  readonly passing: Passing;
  /** Told of tokens that have passed. */
  readonly onTokens?: ((tokens: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Cross-entropies of one text, of each token but the first given those before it. */
export interface ScoredText {
  readonly text: number;
  readonly entropies: readonly number[];
}

/** By token of the path that is walked: the cross-entropy of each token that may follow it. */
type Path = ReadonlyMap<number, number>[];

/**
 * Walks a plan and gives each text's cross-entropies in the plan's order.
 * @throws WbError WB3804 for an id outside the vocabulary, and those of the runtime.
 */
export async function* scoreTexts(
  decoder: Decoder,
  texts: readonly (readonly number[])[],
  plan: PrefixPlan,
  { passing, onTokens, signal }: ScoreTextsOptions,
): AsyncGenerator<ScoredText> {
  for (const ids of texts) decoder.checkIds(ids);
  const passed = new Set(plan.passes.map(({ text }) => text));
  const size = passing === "whole" ? Number.POSITIVE_INFINITY : PASS_TOKENS;
  const path: Path = [];
  const cache = decoder.createCache(1);
  let at = 0;
  /** The next text, and those behind it of which no token has to pass any more. */
  const scored = function* (): Generator<ScoredText> {
    const first = at;
    for (const text of plan.order.slice(at)) {
      if (at > first && passed.has(text)) return;
      const ids = texts[text] ?? [];
      yield { text, entropies: ids.slice(1).map((id, index) => entropyOf(path, index, id)) };
      at++;
    }
  };
  try {
    if (!passed.has(plan.order[0] ?? -1)) yield* scored();
    for (const batch of passBatches(plan.passes, size, passing === "together")) {
      const found = await runBatch(decoder, cache, texts, batch, signal);
      for (const [index, part] of batch.entries()) {
        path.length = part.begin;
        path.push(...(found[index] ?? []));
        onTokens?.(part.end - part.begin);
        if (part.end === part.pass.end) yield* scored();
      }
    }
  } finally {
    cache.dispose();
  }
}

function entropyOf(path: Readonly<Path>, index: number, id: number): number {
  const entropy = path[index]?.get(id);
  if (entropy !== undefined) return entropy;
  throw new WbError("WB7001", `token ${id} behind token ${index} was not asked for`);
}

/** What the path becomes by each part of a batch, behind its first `begin` tokens. */
async function runBatch(
  decoder: Decoder,
  cache: KvCache,
  texts: readonly (readonly number[])[],
  batch: readonly BatchPart[],
  signal: AbortSignal | undefined,
): Promise<readonly Path[]> {
  const parts = batch.map(({ pass, begin, end }) => ({
    ids: Int32Array.from((texts[pass.text] ?? []).slice(begin, end)),
    keep: begin,
  }));
  const wanted = batch.map(({ pass, begin, end }) =>
    pass.next.slice(begin - pass.keep, end - pass.keep),
  );
  const found = await stepEntropies(decoder, parts, cache, wanted.flat(), signal);
  let row = 0;
  return wanted.map((targets) =>
    targets.map((ids) => {
      const values = found[row++] ?? [];
      return new Map(ids.map((id, index) => [id, values[index] ?? Number.NaN]));
    }),
  );
}
