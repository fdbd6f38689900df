import type { Relation } from "./relation.ts";
import type { Order } from "./row-order.ts";
import { describeRuns, movedRuns } from "./runs.ts";

/** Rows or columns that all are the other side's, some of them more than once and others not at all. */
export function repeatedOrder(order: Order, axis: "rows" | "columns"): Relation {
  const lost = order.length - new Set(order).size;
  const text = `${describeRuns(movedRuns(order), axis)}; ${lost} of its ${axis} ${lost === 1 ? "stands" : "stand"} nowhere here`;
  return {
    cause: "duplicated",
    text,
    relation: `${axis} [${order.slice(0, 8).join(", ")}${order.length > 8 ? ", …" : ""}]`,
    isHarmless: false,
    claim: { kind: "order", axis, order },
  };
}
