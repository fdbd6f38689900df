import type { Order } from "./row-order.ts";

/** Rows that come one after the other on both sides. */
export interface Run {
  readonly begin: number;
  /** The first row behind it. */
  readonly end: number;
  /** Where its first row stands in the reference. */
  readonly from: number;
}

/** An order as stretches that go on by one; rows that stand where they should are left out. */
export function movedRuns(order: Order): readonly Run[] {
  const runs: Run[] = [];
  let begin = 0;
  for (let row = 1; row <= order.length; row++) {
    if (row < order.length && order[row] === (order[row - 1] ?? 0) + 1) continue;
    const from = order[begin] ?? 0;
    if (from !== begin) runs.push({ begin, end: row, from });
    begin = row;
  }
  return runs;
}

/** Runs that a sentence lists. */
const LISTED = 3;

export function describeRuns(runs: readonly Run[], axis: "rows" | "columns"): string {
  const one = axis === "rows" ? "row" : "column";
  const listed = runs
    .slice(0, LISTED)
    .map(({ begin, end, from }) =>
      end - begin === 1
        ? `${one} ${begin} holds ${one} ${from}`
        : `${axis} ${begin} to ${end - 1} hold ${axis} ${from} to ${from + end - begin - 1}`,
    );
  const rest = runs.length - LISTED;
  return `${listed.join(", ")}${rest > 0 ? ` and ${rest} more such stretches` : ""} of the other side`;
}
