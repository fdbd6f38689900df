import type { HostTensor } from "../compare/model-runner.ts";
import { sizeOf } from "./tensor-edits.ts";

/** Share of the rows that must be found again at one distance. */
const SHIFTED_SHARE = 0.4;

/** Rows that stand at another number than in the reference. */
interface RowShift {
  readonly evidence: string;
  /** A large part of all rows, or those to the last one or from the first: what an inserted or a lost row does to a table. */
  readonly reachesEnd: boolean;
}

/** Rows of a matrix that stand at another number than in the reference, most of them at one distance. */
export function rowShift(ours: HostTensor, reference: HostTensor): RowShift | undefined {
  const { rows, columns } = sizeOf(ours);
  if (ours.shape.length !== 2 || columns < 2) return undefined;
  const keyOf = ({ data }: HostTensor, row: number): string =>
    data.subarray(row * columns, row * columns + Math.min(columns, 16)).join(" ");
  const rowOfKey = new Map<string, number>();
  for (let row = 0; row < rows; row++) rowOfKey.set(keyOf(reference, row), row);
  const distances = new Map<number, number[]>();
  let moved = 0;
  for (let row = 0; row < rows; row++) {
    if (keyOf(ours, row) === keyOf(reference, row)) continue;
    moved++;
    const from = rowOfKey.get(keyOf(ours, row));
    if (from === undefined) continue;
    const list = distances.get(from - row) ?? [];
    distances.set(from - row, list);
    list.push(row);
  }
  const [distance, list] = [...distances].reduce<readonly [number, readonly number[]]>(
    (most, entry) => (entry[1].length > most[1].length ? entry : most),
    [0, []],
  );
  if (list.length < 2 || list.length < SHIFTED_SHARE * moved) return undefined;
  const [first = 0, last = 0] = [list[0], list.at(-1)];
  const size = Math.abs(distance);
  return {
    evidence: `${list.length} rows from ${first} to ${last} hold what belongs to row i ${distance > 0 ? "+" : "−"} ${size}${list.length < moved ? `; ${moved - list.length} more rows are others` : ""}`,
    reachesEnd: list.length >= SHIFTED_SHARE * rows || last >= rows - 1 - size || first <= size,
  };
}
