import { setImmediate } from "node:timers/promises";
import { WbError } from "../../errors/wb-error.ts";
import { positionsOfMask } from "../model/positions.ts";
import { rotatesWholeCache } from "../model/rope.ts";
import type { StepInput, TokenCache, TokenModel } from "../model/token-model.ts";
import type { KeptTokens } from "./kept-tokens.ts";
import { argmax, type Sampler } from "./sampling.ts";

/** How many tokens are chosen, and how. */
export interface GenerateIdsOptions {
  /** New tokens of each prompt at most. */
  readonly maxNewTokens: number;
  /** Ids that end a prompt's text; the id itself is given, too. */
  readonly stopIds: readonly number[];
  /** Fills rows on the left, and rows that have ended; its value does not change the others. */
  readonly padId: number;
  /** Chooses the next id of one prompt; greedy when left out. Made once a prompt, so that each has its own random state. */
  readonly samplerOf?: (prompt: number) => Sampler;
  /** Asked after each id; true ends that prompt's text, as a stop string does. */
  readonly stopAfter?: (prompt: number, id: number) => boolean;
  /** Sees the logits [vocab] of each step before the sampler, and may change them. */
  readonly onLogits?:
    ((prompt: number, logits: Float32Array, ids: readonly number[]) => void) | undefined;
  /**
   * Beyond the trained context, dynamic NTK changes every token's rotation at each new one, and with it what the layers above
   * the first have cached. "recompute" (when left out) runs the whole text again for each such token, which is what a full
   * prefill gives; "cached" only rotates the cached keys anew, as InternLM's own `generate` does: much faster, a
   * little different.
   */
  readonly beyondContext?: "recompute" | "cached" | undefined;
  /** What an earlier text left in the cache, and where this one leaves its own; for a single prompt. */
  readonly kept?: KeptTokens | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A token as it was chosen. */
export interface GeneratedId {
  readonly prompt: number;
  readonly id: number;
  /** Why the prompt's text ends with this id. */
  readonly finish?: "stop" | "length";
}

interface Row {
  readonly ids: number[];
  readonly sampler: Sampler;
  done: boolean;
}

/**
 * Generates token by token for several prompts at once, padded on the left; shorter ones take part in longer ones' passes.
 * Nothing is left on the device however the loop ends: to its end, by `return`, by an error or by the signal.
 * @throws WbError WB2801 for an empty prompt or no room for a token, WB3804 for an id outside the vocabulary.
 */
export async function* generateIds(
  model: TokenModel,
  prompts: readonly (readonly number[])[],
  options: GenerateIdsOptions,
): AsyncGenerator<GeneratedId, void, undefined> {
  checkPrompts(prompts, options.maxNewTokens);
  for (const ids of prompts) model.checkIds(ids);
  const rows: Row[] = prompts.map((ids, prompt) => ({
    ids: [...ids],
    sampler: options.samplerOf?.(prompt) ?? argmax,
    done: false,
  }));
  let cache = startingCache(model, prompts, options);
  let isWhole = true;
  try {
    let input: StepInput = unseen(prompts, cache.length, options.padId);
    for (let step = 1; step <= options.maxNewTokens; step++) {
      // A model in memory waits for nothing: keys, signals and other requests get their turn here.
      await setImmediate();
      options.signal?.throwIfAborted();
      isWhole = false;
      const logits = await model.step({ ...input, signal: options.signal }, cache);
      isWhole = true;
      const chosen: number[] = [];
      for (const [prompt, row] of rows.entries()) {
        if (row.done) {
          chosen.push(options.padId);
          continue;
        }
        const id = choose(row, prompt, logits[prompt] ?? new Float32Array(0), options);
        chosen.push(id);
        const finish = finishOf(prompt, id, step, options);
        row.done = finish !== undefined;
        yield finish === undefined ? { prompt, id } : { prompt, id, finish };
      }
      if (rows.every(({ done }) => done)) return;
      if (
        mustRecompute(model, cache.length + 1, options) ||
        isAcross(model, cache.length, cache.length + 1)
      ) {
        cache.dispose();
        cache = model.createCache(prompts.length);
        input = padded(
          rows.map(({ ids }) => ids),
          options.padId,
        );
      } else input = nextTokens(rows, chosen);
    }
  } finally {
    const [row] = rows;
    if (isWhole && options.kept !== undefined && row !== undefined)
      options.kept.put(cache, row.ids);
    else cache.dispose();
  }
}

/** A cache of what is known of the prompt already; an empty one where nothing is, or where its rotation would be another. */
function startingCache(
  model: TokenModel,
  prompts: readonly (readonly number[])[],
  options: GenerateIdsOptions,
): TokenCache {
  const [prompt] = prompts;
  if (options.kept === undefined || prompt === undefined) return model.createCache(prompts.length);
  if (prompts.length > 1) throw new WbError("WB7001", "tokens are kept of a single prompt");
  const longest = Math.max(prompt.length, options.kept.length);
  const { length } = options.kept;
  if (mustRecompute(model, longest, options) || isAcross(model, length, prompt.length))
    options.kept.dispose();
  return options.kept.take(model, prompt);
}

/** What of the prompts is not in the cache yet. */
function unseen(prompts: readonly (readonly number[])[], cached: number, padId: number): StepInput {
  if (cached === 0) return padded(prompts, padId);
  return { ids: prompts.map((ids) => Int32Array.from(ids.slice(cached))) };
}

/** True when what is cached was computed with another rotary table than the next token's. */
function mustRecompute(
  { config }: TokenModel,
  length: number,
  { beyondContext = "recompute" }: GenerateIdsOptions,
): boolean {
  return (
    beyondContext === "recompute" && rotatesWholeCache(config.rope) && length > config.maxPositions
  );
}

/** Whether of two lengths one alone is beyond those that the model rotates in one way. */
function isAcross({ config }: TokenModel, left: number, right: number): boolean {
  const { recomputesAfter: last = Number.POSITIVE_INFINITY } = config;
  return left > last !== right > last;
}

/** One new token a row. A row's position is the number of its tokens before: padding does not count. */
function nextTokens(rows: readonly Row[], chosen: readonly number[]): StepInput {
  return {
    ids: chosen.map((id) => Int32Array.of(id)),
    positions: rows.map(({ ids }) => Int32Array.of(ids.length - 1)),
    visible: rows.map(() => Uint8Array.of(1)),
  };
}

function checkPrompts(prompts: readonly (readonly number[])[], maxNewTokens: number): void {
  const empty = prompts.findIndex((ids) => ids.length === 0);
  if (empty !== -1)
    throw new WbError("WB2801", `prompt ${empty}: expected at least one token id`, {
      details: { prompt: empty },
    });
  if (!Number.isSafeInteger(maxNewTokens) || maxNewTokens < 1) {
    throw new WbError("WB2801", `expected room for at least one new token, found ${maxNewTokens}`, {
      details: { setting: "max-new-tokens", found: maxNewTokens },
    });
  }
}

function choose(
  row: Row,
  prompt: number,
  logits: Float32Array,
  options: GenerateIdsOptions,
): number {
  options.onLogits?.(prompt, logits, row.ids);
  const id = row.sampler(logits, row.ids);
  row.ids.push(id);
  return id;
}

function finishOf(
  prompt: number,
  id: number,
  step: number,
  { stopIds, stopAfter, maxNewTokens }: GenerateIdsOptions,
): "stop" | "length" | undefined {
  if (stopIds.includes(id) || stopAfter?.(prompt, id) === true) return "stop";
  return step === maxNewTokens ? "length" : undefined;
}

/** The prompts as rows of one length, filled up on the left. */
function padded(prompts: readonly (readonly number[])[], padId: number): StepInput {
  const length = prompts.reduce((longest, ids) => Math.max(longest, ids.length), 0);
  const visible = prompts.map((ids) => new Uint8Array(length).fill(1, length - ids.length));
  return {
    ids: prompts.map((ids) => {
      const row = new Int32Array(length).fill(padId);
      row.set(ids, length - ids.length);
      return row;
    }),
    visible,
    positions: visible.map((row) => positionsOfMask(row)),
  };
}
