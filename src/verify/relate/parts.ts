import type { HostTensor } from "../compare/model-runner.ts";
import { sizeOf } from "../diagnose/hypotheses/tensor-edits.ts";
import type { Relation } from "./relation.ts";
import {
  axesOf,
  isIdentity,
  isPermutation,
  mayBeReordered,
  rowOrder,
  type Order,
} from "./row-order.ts";
import { einops } from "./einops.ts";

/** Parts that rows are cut into at most: as many as there are ranks. */
const MAX_RANKS = 64;

/** Elements of a part at least, so that no two are equal by chance. */
const MIN_PART = 4;

/** Parts of rows in another order: what is left when parts of parallel ranks were joined along the wrong axis. */
export function partsRelation(ours: HostTensor, reference: HostTensor): Relation | undefined {
  const { rows, columns } = sizeOf(ours);
  if (ours.shape.length !== 2 || !mayBeReordered(ours, reference)) return undefined;
  for (let parts = 2; parts <= MAX_RANKS; parts++) {
    if (columns % parts !== 0 || columns / parts < MIN_PART) continue;
    const cut = ({ data }: HostTensor): HostTensor => ({
      shape: [rows * parts, columns / parts],
      data,
    });
    const order = rowOrder(cut(ours), cut(reference));
    const digits = order === undefined || !isPermutation(order) ? undefined : axesOf(order);
    if (order === undefined || digits === undefined || isIdentity(order)) continue;
    const { forward, backward } = einops(digits, "rows", []);
    return {
      cause: "rank-order",
      text: isStacked(order, rows, parts)
        ? `its rows were cut into ${parts} parts, and all first parts stand before all second ones, as parts of ${parts} parallel ranks joined along rows instead of columns do`
        : `parts of its rows, ${parts} a row, stand in another order: ${forward}`,
      relation: `${forward}; undone by ${backward}, c=${columns / parts}`,
      isHarmless: false,
      claim: { kind: "part-order", parts, order },
    };
  }
  return undefined;
}

function isStacked(order: Order, rows: number, parts: number): boolean {
  return order.every((from, index) => from === (index % rows) * parts + Math.floor(index / rows));
}
