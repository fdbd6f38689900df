import type { ModelConfig } from "../../model/config/model-config.ts";
import type { TokenRows } from "./token-rows.ts";

/** New tokens of a batch: B rows of T. */
export interface StepInput {
  readonly ids: readonly Int32Array[];
  /** Where each stands in its row's text; the count of tokens before it when left out. */
  readonly positions?: readonly Int32Array[];
  /** 1 for a token, 0 for padding; all 1 when left out. */
  readonly visible?: readonly Uint8Array[];
  readonly signal?: AbortSignal | undefined;
}

/** What a model keeps of the tokens so far. `dispose` frees it, whatever happened before. */
export interface TokenCache {
  /** L, tokens that steps have told of. */
  readonly length: number;
  /** Keeps the first `length` of the L tokens. */
  truncate(length: number): void;
  dispose(): void;
}

/** The next token of one of several texts, each of which has a cache of its own. */
export interface TextStep<Cache extends TokenCache = TokenCache> {
  readonly id: number;
  /** Of a batch of one. */
  readonly cache: Cache;
}

/** A model that texts are generated with, token by token. */
export interface TokenModel {
  readonly config: ModelConfig;
  /**
   * To be asked of numbers from outside before they become an Int32Array, which would make 2^32 + 1 the token 1.
   * @throws WbError WB3804 for an id outside the vocabulary.
   */
  checkIds(ids: Iterable<number>): void;
  /** An empty one for a batch; only good for the model that made it. */
  createCache(batch: number): TokenCache;
  /**
   * Appends tokens to the cache and gives the logits after the last one of each row, B rows of [vocab].
   * @throws WbError WB9001 when the signal is aborted; the cache is then only good for `dispose`.
   */
  step(input: StepInput, cache: TokenCache): Promise<readonly Float32Array[]>;
  /**
   * One more token of each of several texts: the logits [vocab] of each. Where it fails, the caches are only good for `dispose`.
   */
  stepEach?(texts: readonly TextStep[]): Promise<readonly Float32Array[]>;
  /** Whether `stepEach` gives each text the bits that `step` gives it alone, and a prompt's tokens have theirs in parts, too. */
  readonly keepsRows: boolean;
}

/** Tells of a step's tokens. */
export function announceStep(rows: TokenRows, { ids, positions, visible }: StepInput): void {
  const past = rows.length;
  rows.append(
    positions ?? ids.map((row) => row.map((_, index) => past + index)),
    visible ?? ids.map((row) => new Uint8Array(row.length).fill(1)),
  );
}
