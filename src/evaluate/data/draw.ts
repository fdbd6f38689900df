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
  const chosen = new Set(drawnIndices(items.length, limit, seed));
  return items.filter((_, index) => chosen.has(index));
}

/** All of a list's items in an order that `seed` draws. */
export function drawOrder<T>(items: readonly T[], seed: number): readonly T[] {
  return drawnIndices(items.length, items.length, seed).flatMap((index) =>
    items.slice(index, index + 1),
  );
}

/** The first `limit` of the indices below `length`, shuffled. */
function drawnIndices(length: number, limit: number, seed: number): readonly number[] {
  const random = seededRandom(seed);
  const order = Array.from({ length }, (_unused, index) => index);
  // Fisher and Yates's shuffle, as far as it is needed.
  for (let at = 0; at < limit; at++) {
    const other = at + Math.floor(random() * (order.length - at));
    const [left = 0, right = 0] = [order[at], order[other]];
    order[at] = right;
    order[other] = left;
  }
  return order.slice(0, limit);
}
