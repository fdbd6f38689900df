import { seededRandom } from "../../runtime/generation/random.ts";

/**
 * So many of a list's items, in their order.
 * @param seed Draws them; the first are taken when left out.
 */
export function drawn<T>(
  items: readonly T[],
  limit: number | undefined,
  seed: number | undefined,
): readonly T[] {
  if (limit === undefined || limit >= items.length) return items;
  if (seed === undefined) return items.slice(0, limit);
  const random = seededRandom(seed);
  const order = items.map((_, index) => index);
  // Fisher and Yates's shuffle, as far as it is needed.
  for (let at = 0; at < limit; at++) {
    const other = at + Math.floor(random() * (order.length - at));
    const [left = 0, right = 0] = [order[at], order[other]];
    order[at] = right;
    order[other] = left;
  }
  const chosen = new Set(order.slice(0, limit));
  return items.filter((_, index) => chosen.has(index));
}
