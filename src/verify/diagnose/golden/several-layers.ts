import type { HostTensor } from "../../compare/model-runner.ts";
import { joined } from "../hypotheses/hypotheses.ts";
import type { Hypothesis } from "../hypotheses/hypothesis.ts";
import { commonLayer } from "../diagnosis.ts";
import { kindOf } from "./likely-first.ts";
import type { Changes } from "./local-lab.ts";
import type { Readers, SearchBudget } from "./search.ts";

/** What undoing a mistake in one of several layers leaves of a distance at most: undoing what was not made adds to it. */
const BETTER = 0.97;

/** Kinds of mistakes of which several layers are put right together. */
const MOST_KINDS = 24;

/** A mistake of one layer, and how far logits are with it undone. */
interface Tried {
  readonly hypothesis: Hypothesis;
  readonly layer: number;
  readonly distance: number;
}

/**
 * Mistakes of one kind in several layers, but not in all, where logits alone are known: each that brings them nearer is taken
 * together with the others of its kind, the most helpful kinds first. Layers that help no more beside the others are left out.
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
  const measured = async (hypothesis: Hypothesis): Promise<number | undefined> =>
    (await budget.spend()) ? distance(await hypothesis.undo(read, readBits)) : undefined;
  const kinds = new Map<string, Tried[]>();
  for (const [hypothesis, after] of nearness) {
    const { layer } = commonLayer(hypothesis.tensors);
    if (layer === undefined || !(after < BETTER * before)) continue;
    const kind = kindOf(hypothesis);
    kinds.set(kind, [...(kinds.get(kind) ?? []), { hypothesis, layer, distance: after }]);
  }
  const nearest = (list: readonly Tried[]): number => Math.min(...list.map((one) => one.distance));
  const likely = [...kinds.values()]
    .filter((list) => list.length > 1)
    .toSorted((left, right) => nearest(left) - nearest(right))
    .slice(0, MOST_KINDS);
  const found: { readonly hypothesis: Hypothesis; readonly distance: number }[] = [];
  for (const list of likely) {
    const best = await together(list, measured);
    if (best !== undefined) found.push(best);
  }
  return found
    .toSorted((left, right) => left.distance - right.distance)
    .map(({ hypothesis }) => hypothesis);
}

/** All of a kind as one, less those that are not missed. */
async function together(
  list: readonly Tried[],
  measured: (hypothesis: Hypothesis) => Promise<number | undefined>,
): Promise<{ readonly hypothesis: Hypothesis; readonly distance: number } | undefined> {
  let kept = list.toSorted((left, right) => left.layer - right.layer);
  let distance = await measured(asOne(kept));
  for (const one of list) {
    if (kept.length < 3) break;
    const rest = kept.filter((other) => other !== one);
    const without = await measured(asOne(rest));
    if (distance === undefined || without === undefined) return undefined;
    if (without < distance) [kept, distance] = [rest, without];
  }
  return distance === undefined ? undefined : { hypothesis: asOne(kept), distance };
}

function asOne(list: readonly Tried[]): Hypothesis {
  const layers = list.map(({ layer }) => layer).join(", ");
  return joined(
    list.map(({ hypothesis }) => hypothesis),
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
