/** Tokens that pass the model at once, behind those of one text that are cached already. */
export interface PassPlan {
  /** The text that they are of, by its index in the order given. */
  readonly text: number;
  /** Cached tokens that stay: those before are the same in the text before. */
  readonly keep: number;
  /** Index of the token behind the last that passes. */
  readonly end: number;
  /** For each token that passes, the tokens that follow it in this text or in later ones. */
  readonly next: readonly (readonly number[])[];
}

/** What sharing prefixes saves. */
export interface PrefixPlan {
  readonly passes: readonly PassPlan[];
  /** Texts in the order in which they are scored. */
  readonly order: readonly number[];
  /** Tokens that pass the model. */
  readonly computed: number;
  /** Tokens that would pass without sharing: all of all texts, as OpenCompass computes them. */
  readonly whole: number;
}

/**
 * How texts are scored with each common prefix computed once: sorted, they are the walk through their tree, and a cache that is cut
 * back to what the next text shares holds the path to it. The last token of a text need not pass: nothing follows it. Labels that
 * differ in their last token alone so cost nothing at all.
 * @param texts Token ids, none empty.
 * @param isShared False scores every text from its beginning.
 */
export function planPrefixes(texts: readonly (readonly number[])[], isShared: boolean): PrefixPlan {
  const order = texts.map((_, index) => index);
  if (isShared) order.sort((left, right) => compare(texts[left] ?? [], texts[right] ?? []));
  const sorted = order.map((index) => texts[index] ?? []);
  const shared = sorted.map((ids, at) =>
    isShared && at > 0 ? common(sorted[at - 1] ?? [], ids) : 0,
  );
  const passes: PassPlan[] = [];
  let cached = 0;
  for (const [at, ids] of sorted.entries()) {
    const end = Math.max(0, ids.length - 1);
    const keep = Math.min(shared[at] ?? 0, cached, end);
    if (keep < end) {
      passes.push({
        text: order[at] ?? 0,
        keep,
        end,
        next: followers(sorted, shared, at, keep, end),
      });
      cached = end;
    } else cached = Math.min(cached, shared[at] ?? 0);
  }
  return {
    passes,
    order,
    computed: passes.reduce((sum, { keep, end }) => sum + end - keep, 0),
    whole: texts.reduce((sum, { length }) => sum + length, 0),
  };
}

/** The tokens that follow each token from `keep` to `end` in text `at` and in those behind it that share so much. */
function followers(
  sorted: readonly (readonly number[])[],
  shared: readonly number[],
  at: number,
  keep: number,
  end: number,
): readonly (readonly number[])[] {
  const ids = sorted[at] ?? [];
  const next = Array.from({ length: end - keep }, (_, index) => [ids[keep + index + 1] ?? 0]);
  let length = ids.length;
  for (let later = at + 1; later < sorted.length; later++) {
    length = Math.min(length, shared[later] ?? 0);
    if (length <= keep) break;
    const id = sorted[later]?.[length];
    const list = next[length - 1 - keep];
    if (id !== undefined && list?.includes(id) === false) list.push(id);
  }
  return next;
}

function compare(left: readonly number[], right: readonly number[]): number {
  const length = common(left, right);
  return (left[length] ?? -1) - (right[length] ?? -1);
}

/** First tokens that are the same. */
function common(left: readonly number[], right: readonly number[]): number {
  const longest = Math.min(left.length, right.length);
  let length = 0;
  while (length < longest && left[length] === right[length]) length++;
  return length;
}
