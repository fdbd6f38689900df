/** Which neighbours become one symbol. */
export interface Merges {
  /** Rank by left · width + right; the lowest is merged first. */
  readonly rankOf: ReadonlyMap<number, number>;
  /** The symbol that the pair of a rank becomes. */
  readonly results: readonly number[];
  readonly width: number;
}

/**
 * Merges neighbours, always the pair of the lowest rank and of several the leftmost, until none is left: O(n log n) by a heap and
 * a linked list. Changes `symbols`.
 */
export function mergeAll(symbols: number[], { rankOf, results, width }: Merges): number[] {
  if (symbols.length < 2) return symbols;
  const next = Int32Array.from(symbols, (_, index) => index + 1);
  const previous = Int32Array.from(symbols, (_, index) => index - 1);
  const isGone = new Uint8Array(symbols.length);
  const heap = new PairHeap();
  const rankAt = (at: number): number | undefined => {
    const right = symbols[next[at] ?? symbols.length];
    return right === undefined ? undefined : rankOf.get((symbols[at] ?? 0) * width + right);
  };
  const offer = (at: number): void => {
    const rank = rankAt(at);
    if (rank !== undefined) heap.push(rank, at);
  };
  for (let at = 0; at + 1 < symbols.length; at++) offer(at);
  for (;;) {
    const found = heap.pop();
    if (found === undefined) break;
    const { rank, at } = found;
    if (isGone[at] === 1 || rankAt(at) !== rank) continue;
    const right = next[at] ?? symbols.length;
    symbols[at] = results[rank] ?? 0;
    isGone[right] = 1;
    const after = next[right] ?? symbols.length;
    next[at] = after;
    if (after < symbols.length) previous[after] = at;
    const before = previous[at] ?? -1;
    if (before >= 0) offer(before);
    offer(at);
  }
  return symbols.filter((_, at) => isGone[at] === 0);
}

/** A binary heap of (rank, place), the lowest first. */
class PairHeap {
  readonly #ranks: number[] = [];
  readonly #places: number[] = [];

  push(rank: number, at: number): void {
    let child = this.#ranks.length;
    this.#ranks.push(rank);
    this.#places.push(at);
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!this.#isBefore(child, parent)) return;
      this.#swap(child, parent);
      child = parent;
    }
  }

  pop(): { readonly rank: number; readonly at: number } | undefined {
    const rank = this.#ranks[0];
    const at = this.#places[0];
    if (rank === undefined || at === undefined) return undefined;
    this.#swap(0, this.#ranks.length - 1);
    this.#ranks.pop();
    this.#places.pop();
    this.#sink();
    return { rank, at };
  }

  #sink(): void {
    let parent = 0;
    for (;;) {
      const left = 2 * parent + 1;
      if (left >= this.#ranks.length) return;
      const right = left + 1;
      const child = right < this.#ranks.length && this.#isBefore(right, left) ? right : left;
      if (!this.#isBefore(child, parent)) return;
      this.#swap(child, parent);
      parent = child;
    }
  }

  #isBefore(one: number, other: number): boolean {
    const difference = (this.#ranks[one] ?? 0) - (this.#ranks[other] ?? 0);
    return difference === 0
      ? (this.#places[one] ?? 0) < (this.#places[other] ?? 0)
      : difference < 0;
  }

  #swap(one: number, other: number): void {
    swap(this.#ranks, one, other);
    swap(this.#places, one, other);
  }
}

function swap(list: number[], one: number, other: number): void {
  const kept = list[one] ?? 0;
  list[one] = list[other] ?? 0;
  list[other] = kept;
}
