import type { Run } from "../../mapping/learned/statement.ts";
import { believedIn, MAX_WEAK, SURE } from "./gather-rows.ts";
import { rowCosine, type RowSet } from "./sketch.ts";

/** Rows that are looked at behind the last one first: what is taken out of a table mostly leaves the rest in order. */
const AHEAD = 4096;

/** Where in a table the rows of a smaller one are, row by row; undefined where more than a few are not there; pure. */
export function selectRows(rows: RowSet, table: RowSet): readonly Run[] | undefined {
  const runs: { of: number; begin: number; count: number; step: number }[] = [];
  const believed = believedIn(rows, [table]);
  let [next, weak] = [0, 0];
  for (let row = 0; row < rows.count; row++) {
    let place = ahead(rows, row, table, next) ?? bestOf(rows, row, table, believed);
    if (place === undefined) {
      weak++;
      if (weak > rows.count * MAX_WEAK) return undefined;
      place = Math.min(next, table.count - 1);
    }
    const last = runs.at(-1);
    if (last !== undefined && last.begin + last.count === place) last.count++;
    else runs.push({ of: 0, begin: place, count: 1, step: 1 });
    next = place + 1;
  }
  return runs;
}

function ahead(rows: RowSet, row: number, table: RowSet, from: number): number | undefined {
  const to = Math.min(table.count, from + AHEAD);
  for (let index = from; index < to; index++)
    if (rowCosine(rows, row, table, index) >= SURE) return index;
  return undefined;
}

function bestOf(rows: RowSet, row: number, table: RowSet, believed: number): number | undefined {
  let [best, score] = [-1, believed];
  for (let index = 0; index < table.count; index++) {
    const one = rowCosine(rows, row, table, index);
    if (one >= score) [best, score] = [index, one];
  }
  return best < 0 ? undefined : best;
}
