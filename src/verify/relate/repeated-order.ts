import type { Relation } from "./relation.ts";
import type { Order } from "./row-order.ts";
import { describeRuns, movedRuns } from "./runs.ts";

/** Rows that all are the other side's, some of them more than once and others not at all. */
export function repeatedOrder(order: Order): Relation {
  const lost = order.length - new Set(order).size;
  const text = `${describeRuns(movedRuns(order), "rows")}; ${lost} of its rows ${lost === 1 ? "stands" : "stand"} nowhere here`;
  return {
    cause: "duplicated",
    text,
    relation: `rows [${order.slice(0, 8).join(", ")}${order.length > 8 ? ", …" : ""}]`,
    isHarmless: false,
    claim: { kind: "order", axis: "rows", order },
  };
}
