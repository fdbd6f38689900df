import type { Item } from "../item.ts";
import { scoreOf } from "../item.ts";
import { mcnemar } from "./mcnemar.ts";

/** An answer that is another one. */
export interface Change {
  readonly index: number;
  readonly prediction: string | null;
  readonly other: string | null;
  readonly answer: string;
  /** How far the reference's best label is before its second, in nats; null of generated answers. */
  readonly margin: number | null;
  /** Whether the reference's margin is within what the compute dtype explains. */
  readonly nearTie: boolean;
}

/** One task's answers against a reference's. */
export interface TaskParity {
  readonly name: string;
  readonly items: number;
  readonly score: number | null;
  readonly otherScore: number | null;
  /** Answers that are right here alone, and there alone. */
  readonly gained: number;
  readonly lost: number;
  /** Of McNemar's exact test. */
  readonly p: number;
  readonly changes: readonly Change[];
}

/**
 * Compares what two models answered to the same questions, pair by pair.
 * @param noise Margin up to which a change of label is a near-tie, in nats.
 */
export function compareItems(
  name: string,
  items: readonly Item[],
  reference: ReadonlyMap<number, Item>,
  noise: number,
): TaskParity {
  const pairs = items.flatMap((item) => {
    const other = reference.get(item.index);
    return other === undefined ? [] : [{ item, other }];
  });
  const gained = pairs.filter(
    ({ item, other }) => item.correct === true && other.correct === false,
  );
  const lost = pairs.filter(({ item, other }) => item.correct === false && other.correct === true);
  return {
    name,
    items: pairs.length,
    score: scoreOf(items),
    otherScore: scoreOf(pairs.map(({ other }) => other)),
    gained: gained.length,
    lost: lost.length,
    p: mcnemar(lost.length, gained.length),
    changes: pairs
      .filter(({ item, other }) => item.prediction !== other.prediction)
      .map(({ item, other }) => {
        const margin = marginOf(other);
        return {
          index: item.index,
          prediction: item.prediction,
          other: other.prediction,
          answer: item.answer,
          margin,
          nearTie: margin !== null && margin <= noise,
        };
      }),
  };
}

/** From the smallest score to the second smallest. */
export function marginOf({ scores }: Pick<Item, "scores">): number | null {
  if (scores === undefined) return null;
  const [best, second] = Object.values(scores).sort((left, right) => left - right);
  return best === undefined || second === undefined ? null : second - best;
}
