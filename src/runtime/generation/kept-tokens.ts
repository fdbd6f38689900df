import type { TokenCache, TokenModel } from "../model/token-model.ts";

/**
 * What one row's tokens left in the model's cache, for a next text that begins like it. Its owner disposes of it when the
 * conversation ends.
 */
export class KeptTokens {
  #cache: TokenCache | undefined;
  #ids: readonly number[] = [];

  /** Tokens that are kept. */
  get length(): number {
    return this.#ids.length;
  }

  /** A cache of as many first tokens of `prompt` as are kept, all but its last at most; the caller owns it. */
  take(model: TokenModel, prompt: readonly number[]): TokenCache {
    const kept = this.#cache;
    this.#cache = undefined;
    if (kept === undefined) return model.createCache(1);
    kept.truncate(this.sharedWith(prompt));
    return kept;
  }

  /** First tokens of `prompt` that are kept, not counting its last, whose logits are wanted. */
  sharedWith(prompt: readonly number[]): number {
    const longest = Math.min(this.#ids.length, prompt.length - 1);
    let shared = 0;
    while (shared < longest && this.#ids[shared] === prompt[shared]) shared++;
    return shared;
  }

  /** Keeps a cache of exactly the first `cache.length` of `ids`, and owns it. */
  put(cache: TokenCache, ids: readonly number[]): void {
    this.dispose();
    this.#cache = cache;
    this.#ids = ids.slice(0, cache.length);
  }

  dispose(): void {
    this.#cache?.dispose();
    this.#cache = undefined;
    this.#ids = [];
  }
}
