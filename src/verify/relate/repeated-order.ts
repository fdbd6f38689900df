import type { Axis } from "../../model/axes.ts";
import type { Relation } from "./relation.ts";
import type { Order } from "./row-order.ts";
import { describeRuns, movedRuns } from "./runs.ts";

/** Rows that all are the other side's, some of them more than once and others not at all. */
export function repeatedOrder(order: Order, axes: readonly Axis[] | undefined): Relation {
  const runs = movedRuns(order);
  const [only, ...others] = runs;
  const lost = order.length - new Set(order).size;
  const isShift =
    axes?.[0] === "vocab" &&
    only !== undefined &&
    others.length === 0 &&
    (only.end === order.length || only.from + only.end - only.begin === order.length);
  const text = `${describeRuns(runs, "rows")}; ${lost} of its rows ${lost === 1 ? "stands" : "stand"} nowhere here`;
  return {
    cause: isShift ? "row-shifted" : "duplicated",
    text,
    relation: `rows [${order.slice(0, 8).join(", ")}${order.length > 8 ? ", …" : ""}]`,
    isHarmless: false,
    claim: { kind: "order", axis: "rows", order },
  };
}
