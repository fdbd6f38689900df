import { blockJudge } from "../../formats/gguf/judge/judge-block.ts";
import { rangeReader } from "../../formats/gguf/judge/level-ranges.ts";
import type { ReadOriginals } from "./judge-tensor.ts";
import type { StoredRows } from "../../mapping/stored-rows.ts";

/** Rows at most that are looked for among one another. */
const MAX_ROWS = 16_384;

/** Share of rows that must be found for an order to be one. */
const MOST = 0.5;

/**
 * The original's rows in the order in which a tensor has them; undefined where most are not among them. Rows that are not found stand as in the
 * original.
 * @param whole The original, row-major.
 */
export async function matchRows(
  parts: readonly StoredRows[],
  whole: Float32Array,
  isWeighted: boolean,
): Promise<ReadOriginals | undefined> {
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const columns = parts[0]?.columns ?? 0;
  if (rows > MAX_ROWS || columns === 0) return undefined;
  const order: number[] = [];
  let [found, next] = [0, 0];
  for (const part of parts) {
    const fits = rowTest(part, whole, isWeighted);
    for (let row = 0; row < part.rows; row++) {
      const source = searched(next, rows, await fits(row));
      if (source !== undefined) found++;
      order.push(source ?? order.length);
      next = (source ?? next) + 1;
    }
    // A tensor of something else shows at once.
    if (found < MOST * order.length) return undefined;
  }
  return (begin, end) => {
    const values = new Float32Array((end - begin) * columns);
    for (let row = begin; row < end; row++) {
      const from = (order[row] ?? row) * columns;
      values.set(whole.subarray(from, from + columns), (row - begin) * columns);
    }
    return Promise.resolve(values);
  };
}

/** The first row from `begin` on, round the end, that passes. */
function searched(
  begin: number,
  rows: number,
  passes: (row: number) => boolean,
): number | undefined {
  for (let step = 0; step < rows; step++) {
    const row = (begin + step) % rows;
    if (passes(row)) return row;
  }
  return undefined;
}

/** Tells of a stored row which rows of the original explain it: by its first block's ranges, then by all of its blocks. */
function rowTest(
  { type, columns, read }: StoredRows,
  whole: Float32Array,
  isWeighted: boolean,
): (row: number) => Promise<(candidate: number) => boolean> {
  const ranges = rangeReader(type.name);
  const judge = blockJudge(type.name, isWeighted);
  return async (row) => {
    const bytes = await read(row, row + 1);
    const { low, high, stored, bound } = ranges(bytes, 0);
    return (candidate) => {
      const from = candidate * columns;
      for (let index = 0; index < type.elements; index++) {
        const value = whole[from + index] ?? Number.NaN;
        const slack = SLACK * (bound[index] ?? 0);
        if (value >= (low[index] ?? 0) - slack && value <= (high[index] ?? 0) + slack) continue;
        if (isWeighted && Math.abs(value) >= Math.abs(stored[index] ?? 0)) continue;
        return false;
      }
      for (let block = 0; block * type.elements < columns; block++)
        if (!judge(bytes, block * type.bytes, whole, from + block * type.elements).isExplained)
          return false;
      return true;
    };
  };
}

/** What a fitted scale may put numbers beyond the ranges of the stored one, in half steps. */
const SLACK = 4;
