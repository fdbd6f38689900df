import type { LearnedOperation, Run } from "../../mapping/learned/statement.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import { operationOfRuns } from "../match/runs-operation.ts";
import { ROW_BUCKETS, rowCosine, type RowSet } from "./sketch.ts";

/** How a tensor is put together from rows or columns of others. */
export interface Gathered {
  readonly tensors: readonly StoredTensor[];
  readonly operation: LearnedOperation;
  readonly runs: readonly Run[];
  readonly axis: RowSet["axis"];
}

interface Place {
  readonly set: RowSet;
  readonly index: number;
}

interface OpenRun extends Place {
  count: number;
  step: number;
}

/** A cosine that needs no look at other rows; how much better another place has to be. */
export const SURE = 0.8;
const BETTER = 0.15;
/** The part of rows that may be like nothing: words that were taught anew, rows of zeros. */
export const MAX_WEAK = 0.1;

/** Where the rows of a target are in sets of rows of one width; undefined where they are not; pure. */
export function gatherRows(target: RowSet, pool: readonly RowSet[]): Gathered | undefined {
  const runs: OpenRun[] = [];
  const believed = believedIn(target, pool);
  const used: RowSet[] = [];
  let weak = 0;
  for (let row = 0; row < target.count; row++) {
    const run = runs.at(-1);
    const next = run === undefined ? undefined : nextOf(run);
    const expected =
      run === undefined || next === undefined ? Number.NaN : rowCosine(target, row, run.set, next);
    if (run !== undefined && expected >= SURE) {
      run.count++;
      continue;
    }
    const place = placeOf(target, row, used, pool);
    if (run !== undefined && next !== undefined) {
      const isWorse = place === undefined || place.score < believed;
      if (isWorse && next >= 0 && next < run.set.count) {
        weak++;
        run.count++;
        continue;
      }
      if (expected >= believed && place !== undefined && expected >= place.score - BETTER) {
        run.count++;
        continue;
      }
    }
    if (place === undefined || place.score < believed) return undefined;
    if (run?.count === 1 && place.set === run.set && place.index > run.index) {
      run.step = place.index - run.index;
      run.count++;
      continue;
    }
    runs.push({ set: place.set, index: place.index, count: 1, step: 1 });
    if (!used.includes(place.set)) used.push(place.set);
  }
  const axes = new Set(runs.map(({ set }) => set.axis));
  const [axis] = axes;
  if (weak > target.count * MAX_WEAK || axes.size !== 1 || axis === undefined) return undefined;
  return gathered(runs, used, axis);
}

/**
 * The cosine from which on a place is believed: well above the best that chance gives among so many rows of so many values,
 * which is about √(2 ln rows / values).
 */
export function believedIn({ width }: RowSet, pool: readonly RowSet[]): number {
  const rows = pool.reduce((sum, { count }) => sum + count, 2);
  const chance = Math.sqrt((2 * Math.log(rows)) / Math.min(width, ROW_BUCKETS));
  return Math.min(SURE + 0.1, Math.max(0.5, 1.25 * chance));
}

function gathered(
  open: readonly OpenRun[],
  used: readonly RowSet[],
  axis: RowSet["axis"],
): Gathered | undefined {
  const tensors = used.map(({ tensor }) => tensor);
  const runs = open.map(({ set, index, count, step }): Run => ({
    of: used.indexOf(set),
    begin: index,
    count,
    step,
  }));
  if (axis === "whole")
    return runs.length === used.length
      ? { tensors, operation: { kind: "stack" }, runs, axis }
      : undefined;
  const sizes = used.map(({ count }) => count);
  return { tensors, operation: operationOfRuns(axis, runs, sizes), runs, axis };
}

function nextOf({ index, count, step }: OpenRun): number {
  return index + count * (count === 1 ? 1 : step);
}

/** The best place of a row, among the sets that have rows of this target already, then among all. */
function placeOf(
  target: RowSet,
  row: number,
  used: readonly RowSet[],
  pool: readonly RowSet[],
): (Place & { readonly score: number }) | undefined {
  const near = bestIn(target, row, used);
  return near !== undefined && near.score >= SURE ? near : bestIn(target, row, pool);
}

function bestIn(
  target: RowSet,
  row: number,
  pool: readonly RowSet[],
): (Place & { readonly score: number }) | undefined {
  let best: (Place & { score: number }) | undefined;
  for (const set of pool) {
    for (let index = 0; index < set.count; index++) {
      const score = rowCosine(target, row, set, index);
      if (score > (best?.score ?? 0)) best = { set, index, score };
    }
  }
  return best;
}
