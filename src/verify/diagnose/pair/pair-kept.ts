import type { HostTensor } from "../../compare/model-runner.ts";
import type { Statement } from "../../relate/claim.ts";
import { mayBeReordered } from "../../relate/row-order.ts";
import { percent } from "../percent.ts";

/** Share of equal values of which the others are damage: of fewer, the tensor may be another one, or changed all over. */
const KEPT = 0.5;

/** The same where every other value is 0: one that was pruned keeps few. */
const KEPT_OF_PRUNED = 0.1;

/** Correlation above which values that differ come of those in their place, and were not lost. */
const IN_PLACE = 0.6;

/** How much of a tensor the other side's is to the bit, and what the rest of it is. */
export interface Share {
  readonly length: number;
  /** Elements that are equal, and elements that are 0 and there are not. */
  readonly equal: number;
  readonly zeros: number;
  /** The first that differ. */
  readonly first: readonly number[];
  /** Whether no value that became 0 is larger than one that is left. */
  readonly areSmallest: boolean;
  /** Correlation of the values that differ with those in their place. */
  readonly correlation: number;
}

/** Counts what is equal and what differs. */
export function shareOf(ours: HostTensor, reference: HostTensor): Share {
  const { length } = ours.data;
  let [equal, zeros, largestLost, leastKept] = [0, 0, 0, Number.POSITIVE_INFINITY];
  const first: number[] = [];
  let [products, left, right] = [0, 0, 0];
  for (let index = 0; index < length; index++) {
    const [value = 0, other = 0] = [ours.data[index], reference.data[index]];
    if (value === other) {
      equal++;
      if (other !== 0) leastKept = Math.min(leastKept, Math.abs(other));
      continue;
    }
    if (first.length < 4) first.push(index);
    products += value * other;
    left += value * value;
    right += other * other;
    if (value !== 0) continue;
    zeros++;
    largestLost = Math.max(largestLost, Math.abs(other));
  }
  const correlation = products / Math.sqrt(left * right);
  return { length, equal, zeros, first, areSmallest: largestLost < leastKept, correlation };
}

/** Whether most of a tensor is the other side's to the bit, and the rest is lost: zeros, or values that do not go with it. */
export function isDamage({ length, equal, zeros, correlation }: Share): boolean {
  if (zeros === length - equal) return equal >= KEPT_OF_PRUNED * length;
  return equal >= KEPT * length && !(correlation > IN_PLACE);
}

/** The words for such a tensor. */
export function keptPart({ length, equal, zeros, first, areSmallest }: Share): {
  readonly text: string;
  readonly statement: Statement;
} {
  const count = length - equal;
  const statement: Statement = { kind: "differing", count, first };
  const of = `${percent(count / length)} of its values`;
  if (zeros < count) return { text: `${of} differ; the others are equal to the bit`, statement };
  const all = areSmallest ? ", and these are the smallest" : "";
  return {
    text: `${of} are 0 where the other side's are not${all}; the others are equal to the bit: it was pruned, or rounded to nothing`,
    statement,
  };
}

/** Whether every value is the other side's, each once, in some other order. */
export function isRearranged(ours: HostTensor, reference: HostTensor): boolean {
  if (!mayBeReordered(ours, reference)) return false;
  const [left, right] = [ours.data.toSorted(), reference.data.toSorted()];
  return left.every((value, index) => value === right[index]);
}
