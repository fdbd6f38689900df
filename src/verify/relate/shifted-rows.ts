import type { HostTensor } from "../compare/model-runner.ts";
import type { Filled, Shift } from "./claim.ts";
import type { Relation } from "./relation.ts";
import { rowNumbers, ZEROS } from "./row-order.ts";

/** Rows that must hold the neighbour's before this is a shift. */
const LEAST_ROWS = 2;

/** Shifted rows at least for each row with values of its own that stands in the gap they left. */
const LEAST_BESIDE_OWN = 4;

/**
 * Rows of a table that stand some places too early or too late, from somewhere to an end of it; where the table ended, zeros or one
 * row of it throughout. Where rows were put in in its midst, those have zeros, one row of it, or values of their own. Every row that
 * differs must be explained so, and every other row equal.
 */
export function shiftedRows(ours: HostTensor, reference: HostTensor): Relation | undefined {
  const [left = [], right = []] = rowNumbers(ours, reference);
  const shift = shiftOf(left, right);
  if (shift === undefined) return undefined;
  const { begin, end, by, filled } = shift;
  const held = by < 0 ? `row i holds row i − ${-by}` : `row i holds row i + ${by}`;
  const rows = `${held} of the other side, from row ${begin} to row ${end - 1}`;
  return {
    cause: "row-shifted",
    text: `${rows}${filled === undefined ? "" : `; ${filledText(filled)}`}`,
    relation: `ours[i] = other[i ${by < 0 ? "-" : "+"} ${Math.abs(by)}] for ${begin} <= i < ${end}`,
    isHarmless: false,
    claim: { kind: "shift", ...shift },
  };
}

function filledText({ begin, end, row }: Filled): string {
  const rows = end - begin === 1 ? `row ${begin}` : `rows ${begin} to ${end - 1}`;
  if (row === "own")
    return end - begin === 1
      ? `row ${begin} has values of its own, put in there`
      : `rows ${begin} to ${end - 1} have values of their own, put in there`;
  if (row !== undefined) return `${rows} ${end - begin === 1 ? "holds" : "hold"} its row ${row}`;
  return `${rows} ${end - begin === 1 ? "is" : "are"} zeros`;
}

function shiftOf(ours: readonly number[], reference: readonly number[]): Shift | undefined {
  const wrong = [...ours.keys()].filter((row) => ours[row] !== reference[row]);
  const by = mostFrequentStep(wrong, ours, reference);
  if (by === undefined) return undefined;
  const moved = wrong.filter((row) => ours[row] === reference[row + by]);
  let [begin = 0] = moved;
  let end = (moved.at(-1) ?? 0) + 1;
  for (let row = begin; row < end; row++) if (ours[row] !== reference[row + by]) return undefined;
  // Rows at either end that are alike, as those of padding are, may have moved, too.
  while (begin > 0 && ours[begin - 1] === reference[begin - 1 + by]) begin--;
  while (end < ours.length && ours[end] === reference[end + by]) end++;
  const left = wrong.filter((row) => row < begin || row >= end);
  // Rows that were put in stand right before those that they moved.
  const isPutIn =
    left.length > 0 && end === ours.length && left.every((row) => row < begin && row >= begin + by);
  if (!isPutIn && left.some((row) => row + by >= 0 && row + by < ours.length)) return undefined;
  const isOwn = isPutIn && moved.length >= LEAST_BESIDE_OWN * left.length;
  const filled =
    left.length === 0
      ? undefined
      : (filledOf(left, ours, reference) ?? (isOwn ? ownRows(left) : undefined));
  if (left.length > 0 && filled === undefined) return undefined;
  const isToAnEnd = filled !== undefined || begin + by === 0 || end + by === ours.length;
  return isToAnEnd || begin === 0 || end === ours.length ? { begin, end, by, filled } : undefined;
}

/** How far the rows that differ stand from their place, as most of them have it. */
function mostFrequentStep(
  wrong: readonly number[],
  ours: readonly number[],
  reference: readonly number[],
): number | undefined {
  const placeOf = new Map<number, number | undefined>();
  // Rows that stand there twice tell no distance.
  for (const [row, number] of reference.entries())
    placeOf.set(number, placeOf.has(number) ? undefined : row);
  const votes = new Map<number, number>();
  for (const row of wrong) {
    const place = placeOf.get(ours[row] ?? -1);
    if (place !== undefined && place !== row)
      votes.set(place - row, (votes.get(place - row) ?? 0) + 1);
  }
  const [best] = [...votes].toSorted(([, a], [, b]) => b - a);
  if (best === undefined || best[1] < LEAST_ROWS) return undefined;
  return best[0];
}

/** Rows behind the table's end: all zeros, or all one row of the other side. */
function filledOf(
  rows: readonly number[],
  ours: readonly number[],
  reference: readonly number[],
): Filled | undefined {
  const { begin, end } = spanOf(rows);
  const number = ours[begin] ?? -1;
  for (let row = begin; row < end; row++) if (ours[row] !== number) return undefined;
  if (number === ZEROS) return { begin, end, row: undefined };
  const row = reference.indexOf(number);
  return row < 0 ? undefined : { begin, end, row };
}

/** Rows of no common source, where they are one stretch. */
function ownRows(rows: readonly number[]): Filled | undefined {
  const { begin, end } = spanOf(rows);
  return end - begin === rows.length ? { begin, end, row: "own" } : undefined;
}

function spanOf(rows: readonly number[]): { readonly begin: number; readonly end: number } {
  return { begin: rows[0] ?? 0, end: (rows.at(-1) ?? 0) + 1 };
}
