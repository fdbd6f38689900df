import type { HostTensor } from "../../compare/model-runner.ts";
import type { Statement } from "../../relate/claim.ts";
import { sizeOf } from "../hypotheses/tensor-edits.ts";
import { listed } from "../../listed.ts";

/** Share of a tensor's elements that scattered damage stays below; more is another mistake. */
const FEW = 0.05;

/** Share of the span from the first to the last difference that must differ for it to be one stretch. */
const DENSE = 0.5;

/** A stretch this long is the tensor itself, and no damage in it. */
const NEARLY_ALL = 0.9;

/** Elements or rows that a sentence lists. */
const LISTED = 4;

/** What few differing elements look like, in words and as data. */
export interface Damage {
  readonly text: string;
  readonly statement: Statement;
}

/**
 * What few differing elements look like: a flipped bit, zeroed rows, a lost tail, a stretch of foreign bytes. Undefined when
 * the difference is all over the tensor.
 */
export function describeCorruption(ours: HostTensor, reference: HostTensor): Damage | undefined {
  const { data } = ours;
  const first4: number[] = [];
  let [count, last] = [0, -1];
  for (let index = 0; index < reference.data.length; index++) {
    if (data[index] === reference.data[index]) continue;
    count++;
    last = index;
    if (first4.length < LISTED) first4.push(index);
  }
  const [begin = 0] = first4;
  const end = last + 1;
  const stretch = data.subarray(begin, end);
  const isDense = count > DENSE * stretch.length;
  const [value = 0] = data;
  if (data.length > 1 && data.every((element) => element === value))
    return {
      text: `every element is ${value}, on the other side they differ`,
      statement: { kind: "stretch", begin: 0, end: data.length, value },
    };
  if (isDense && count > 1 && stretch.every((element) => element === 0)) {
    const statement: Statement = { kind: "stretch", begin, end, value: 0 };
    return end === data.length
      ? { text: `its last ${stretch.length} elements are 0`, statement }
      : {
          text: `elements ${begin} to ${last} are 0: ${rowsOf(begin, last, sizeOf(ours).columns)}`,
          statement,
        };
  }
  const rows = zeroedRows(ours, reference, count);
  if (rows !== undefined) return rows;
  if (isDense && count > 1 && stretch.length < NEARLY_ALL * data.length)
    return {
      text: `all ${count} elements that differ are among ${begin} to ${last}: ${rowsOf(begin, last, sizeOf(ours).columns)}`,
      statement: { kind: "stretch", begin, end, value: undefined },
    };
  if (count > Math.max(1, FEW * data.length)) return undefined;
  const statement: Statement = { kind: "differing", count, first: first4 };
  if (count === 1)
    return {
      text: `element ${begin} is ${String(data[begin])}, on the other side ${String(reference.data[begin])}`,
      statement,
    };
  return {
    text: `${count} elements differ: ${first4.join(", ")}${count > LISTED ? " and more" : ""}`,
    statement,
  };
}

/** Rows or columns of zeros that explain every difference. */
function zeroedRows(ours: HostTensor, reference: HostTensor, count: number): Damage | undefined {
  if (ours.shape.length !== 2) return undefined;
  for (const axis of ["rows", "columns"] as const) {
    const found = zeroLines(ours, reference, axis);
    if (found.lines.length === 0 || found.differing !== count) continue;
    return {
      text: `its ${axis} ${listed(found.lines, LISTED)} are zeros, on the other side they are not; nothing else differs`,
      statement: { kind: "zero-lines", axis, lines: found.lines },
    };
  }
  return undefined;
}

function zeroLines(
  ours: HostTensor,
  reference: HostTensor,
  axis: "rows" | "columns",
): { readonly lines: readonly number[]; readonly differing: number } {
  const { rows, columns } = sizeOf(ours);
  const [count, length, step, stride] =
    axis === "rows" ? [rows, columns, columns, 1] : [columns, rows, 1, columns];
  const lines: number[] = [];
  let differing = 0;
  for (let line = 0; line < count; line++) {
    let [isZero, others] = [true, 0];
    for (let at = 0, index = line * step; at < length && isZero; at++, index += stride) {
      isZero = ours.data[index] === 0;
      if (reference.data[index] !== 0) others++;
    }
    if (!isZero || others === 0) continue;
    lines.push(line);
    differing += others;
  }
  return { lines, differing };
}

function rowsOf(first: number, last: number, columns: number): string {
  const [from, to] = [Math.floor(first / columns), Math.floor(last / columns)];
  return from === to ? `row ${from}` : `rows ${from} to ${to}`;
}
