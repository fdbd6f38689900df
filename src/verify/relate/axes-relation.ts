import type { HostTensor } from "../compare/model-runner.ts";
import { sameValues } from "../diagnose/hypotheses/tensor-edits.ts";
import { axisOrders, MAX_AXES, withAxes } from "./axis-order.ts";
import { nameOrder } from "./name-order.ts";
import type { Relation } from "./relation.ts";
import { isIdentity, isPermutation, mayBeReordered, rowOrder } from "./row-order.ts";

/**
 * How a tensor of three or more axes comes from another whose values are the same in another order: its axes exchanged, in its shape or
 * in that of the other side, or the places along one axis in another order, as [gate | up] of experts are. Undefined where none is.
 */
export function axesRelation(ours: HostTensor, reference: HostTensor): Relation | undefined {
  const rank = ours.shape.length;
  if (reference.shape.length !== rank || rank > MAX_AXES) return undefined;
  if (!mayBeReordered(ours, reference) || sameValues(ours, reference)) return undefined;
  const orders = axisOrders(rank).filter((axes) => !isIdentity(axes));
  for (const axes of orders) {
    const isStoredSo = axes.every((from, to) => ours.shape[to] === reference.shape[from]);
    if (isStoredSo && sameValues(ours, withAxes(reference, axes)))
      return exchanged(ours, axes, true);
  }
  if (ours.shape.join() !== reference.shape.join()) return undefined;
  for (const axes of orders)
    if (sameValues(ours, withAxes(reference, axes))) return exchanged(ours, axes, false);
  for (let axis = rank - 1; axis > 0; axis--) {
    const found = alongAxis(ours, reference, axis);
    if (found !== undefined) return found;
  }
  return undefined;
}

function exchanged(ours: HostTensor, axes: readonly number[], isStoredSo: boolean): Relation {
  const letters = "abcd".slice(0, axes.length).split("");
  const stored = axes.map((axis) => letters[axis] ?? "");
  const shape = ours.shape.join(", ");
  const text = isStoredSo
    ? `its axes stand in another order: [${shape}] is the other side's with axes ${axes.join(", ")}`
    : `its numbers in a row are the other side's with axes ${axes.join(", ")}, under the same shape [${shape}]`;
  return {
    cause: "transposed",
    text,
    relation: `${letters.join(" ")} -> ${stored.join(" ")}; undone by rearrange(w, "${stored.join(" ")} -> ${letters.join(" ")}")`,
    isHarmless: false,
    claim: { kind: isStoredSo ? "axes" : "axes-in-row", axes },
  };
}

/** Places along one axis in another order: the same one in all matrices. Halves and two in turn are said as those of [gate | up]. */
function alongAxis(ours: HostTensor, reference: HostTensor, axis: number): Relation | undefined {
  const rank = ours.shape.length;
  const axes = [axis, ...Array.from({ length: rank }, (_unused, at) => at).toSpliced(axis, 1)];
  const order = rowOrder(withAxes(ours, axes), withAxes(reference, axes));
  if (order === undefined || !isPermutation(order) || isIdentity(order)) return undefined;
  const named = nameOrder(order, axis === rank - 1 ? "columns" : "rows", {
    config: undefined,
    over: "2·ffn",
  });
  return {
    ...named,
    text: `along axis ${axis}: ${named.text}`,
    relation: `along axis ${axis}: ${named.relation}`,
    claim: { kind: "axis-order", axis, order },
  };
}
