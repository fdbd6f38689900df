import type { HostTensor } from "../../compare/model-runner.ts";
import { joined } from "../hypotheses/hypotheses.ts";
import type { Hypothesis } from "../hypotheses/hypothesis.ts";
import { commonLayer } from "../diagnosis.ts";
import { kindOf } from "./likely-first.ts";
import type { Changes } from "./local-lab.ts";
import type { Readers, SearchBudget } from "./search.ts";

/** What the most helpful layer of a kind leaves of a distance at most. */
const BETTER = 0.97;

/** What is left of a distance when nothing is: no other kind is tried then. */
const SOLVED = 1e-3;

/** Kinds of mistakes of which several layers are put right together. */
const MOST_KINDS = 32;

/** Times that each layer of a kind is taken or left again. */
const MOST_PASSES = 4;

/** A mistake of one layer, and how far logits are with it undone. */
interface Tried {
  readonly hypothesis: Hypothesis;
  readonly layer: number;
  readonly distance: number;
}

/**
 * Mistakes of one kind in several layers, but not in all, where logits alone are known: the layer that brings them nearest is put
 * right first, then each other one is taken or left, whichever is nearer, until none changes. What a layer brings alone says little,
 * as long as those before it are wrong. The most helpful kinds come first.
 * @param nearness How far logits are with each mistake undone alone, as `distance` has it.
 * @param distance Root mean square of how far logits are.
 */
export async function inSeveralLayers(
  nearness: ReadonlyMap<Hypothesis, number>,
  { read, readBits }: Readers,
  distance: (changes: Changes) => Promise<number>,
  budget: SearchBudget,
): Promise<readonly Hypothesis[]> {
  const before = await distance(new Map());
  const measured = async (hypothesis: Hypothesis): Promise<number | undefined> => {
    if (!(await budget.spend())) return undefined;
    const undone = await hypothesis.undo(read, readBits);
    return undone === undefined ? Number.POSITIVE_INFINITY : distance(undone);
  };
  const kinds = new Map<string, Tried[]>();
  for (const [hypothesis, after] of nearness) {
    const { layer } = commonLayer(hypothesis.tensors);
    if (layer === undefined || !Number.isFinite(after)) continue;
    const kind = kindOf(hypothesis);
    kinds.set(kind, [...(kinds.get(kind) ?? []), { hypothesis, layer, distance: after }]);
  }
  const likely = [...kinds.values()]
    .filter((list) => list.length > 1)
    .map((list) => list.toSorted((left, right) => left.distance - right.distance))
    .filter(([nearest]) => nearest !== undefined && nearest.distance < BETTER * before)
    .toSorted((left, right) => promise(left) - promise(right))
    .slice(0, MOST_KINDS);
  const found: { readonly hypothesis: Hypothesis; readonly distance: number }[] = [];
  for (const list of likely) {
    const best = await together(list, measured);
    if (best !== undefined) found.push(best);
    if (best !== undefined && best.distance < SOLVED * before) break;
  }
  return found
    .toSorted((left, right) => left.distance - right.distance)
    .map(({ hypothesis }) => hypothesis);
}

/** How far logits are with either of the two most helpful layers put right, as one number: less is more promising. */
function promise([first, second]: readonly Tried[]): number {
  return (first?.distance ?? 0) + (second?.distance ?? 0);
}

/** The layers of a kind that bring logits nearest together; undefined for one alone. @param list The most helpful first. */
async function together(
  list: readonly Tried[],
  measured: (hypothesis: Hypothesis) => Promise<number | undefined>,
): Promise<{ readonly hypothesis: Hypothesis; readonly distance: number } | undefined> {
  let kept: readonly Tried[] = [];
  let distance = Number.POSITIVE_INFINITY;
  let last: Tried | undefined;
  for (const one of Array.from({ length: MOST_PASSES }, () => list).flat()) {
    // Once around without a change.
    if (one === last) break;
    const others = kept.filter((other) => other !== one);
    const changed = others.length < kept.length ? others : [...kept, one];
    if (changed.length === 0) continue;
    const after = await measured(asOne(changed));
    if (after === undefined) return undefined;
    if (after < distance) [kept, distance, last] = [changed, after, one];
  }
  return kept.length > 1 ? { hypothesis: asOne(kept), distance } : undefined;
}

function asOne(list: readonly Tried[]): Hypothesis {
  const inOrder = list.toSorted((left, right) => left.layer - right.layer);
  const layers = inOrder.map(({ layer }) => layer).join(", ");
  return joined(
    inOrder.map(({ hypothesis }) => hypothesis),
    `in layers ${layers}`,
  );
}

/** Root mean square of differences; infinite where one is not a number. */
export function rootMeanSquare(
  outputs: readonly { readonly ours: Float32Array; readonly reference: HostTensor["data"] }[],
): number {
  let [sum, count] = [0, 0];
  for (const { ours, reference } of outputs)
    for (const [index, value] of reference.entries()) {
      sum += ((ours[index] ?? Number.NaN) - value) ** 2;
      count++;
    }
  return Number.isNaN(sum) ? Number.POSITIVE_INFINITY : Math.sqrt(sum / count);
}
