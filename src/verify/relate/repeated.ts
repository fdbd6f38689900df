import type { HostTensor } from "../compare/model-runner.ts";
import { sizeOf } from "../diagnose/hypotheses/tensor-edits.ts";
import type { Statement } from "./claim.ts";

/** How two tensors of other row counts relate. */
export interface RowsRelation {
  readonly kind: "repeated" | "padded";
  /** True where the additional rows change nothing by themselves: repeated heads, zeros, or one row throughout. */
  readonly isHarmless: boolean;
  readonly text: string;
  readonly claim: Statement;
}

/** Ours has more rows than the reference: each block of it several times, or all of it and others behind. */
export function rowsRelation(
  ours: HostTensor,
  reference: HostTensor,
  blocks: readonly number[],
): RowsRelation | undefined {
  const [a, b] = [sizeOf(ours).rows, sizeOf(reference).rows];
  const width = ours.data.length / a;
  if (width !== reference.data.length / b || a <= b) return undefined;
  return repeatedRows(ours, reference, blocks) ?? paddedRows(ours, reference, width);
}

function repeatedRows(
  ours: HostTensor,
  reference: HostTensor,
  blocks: readonly number[],
): RowsRelation | undefined {
  const [a, b] = [sizeOf(ours).rows, sizeOf(reference).rows];
  if (a % b !== 0) return undefined;
  const times = a / b;
  const width = reference.data.length / b;
  const isRow = (row: number, from: number): boolean =>
    ours.data
      .subarray(row * width, (row + 1) * width)
      .every((value, index) => value === reference.data[from * width + index]);
  for (const block of [...blocks, b]) {
    if (b % block !== 0) continue;
    const from = (row: number): number => Math.floor(row / (block * times)) * block + (row % block);
    const all = Array.from({ length: a }, (_unused, row) => row);
    if (!all.every((row) => isRow(row, from(row)))) continue;
    const text =
      block === b
        ? `all ${b} rows of the other side, ${times} times one after the other`
        : `each block of ${block} rows of the other side ${times} times: repeat(w, "(h d) c -> (h ${times} d) c", d=${block})`;
    const claim = { kind: "order", axis: "rows", order: all.map(from) } as const;
    return { kind: "repeated", isHarmless: block < b || b === blocks[0], text, claim };
  }
  return undefined;
}

function paddedRows(
  ours: HostTensor,
  reference: HostTensor,
  width: number,
): RowsRelation | undefined {
  if (!reference.data.every((value, index) => value === ours.data[index])) return undefined;
  const rest = ours.data.subarray(reference.data.length);
  const rows = rest.length / width;
  const common = `the other side's ${reference.data.length / width} rows come first, and are equal`;
  const say = (what: string, fill: "zeros" | "one" | "own"): RowsRelation => ({
    kind: "padded",
    isHarmless: fill !== "own",
    text: `${common}; ${what}`,
    claim: { kind: "padded", rows, fill },
  });
  if (rest.every((value) => value === 0)) return say(`${rows} rows of zeros follow`, "zeros");
  if (rest.every((value, index) => value === rest[index % width]))
    return say(
      `${rows} rows follow, all of them alike${isMean(rest.subarray(0, width), reference) ? ": the mean of the others" : ""}`,
      "one",
    );
  return say(`${rows} rows with values of their own follow`, "own");
}

/** What the mean of many float32 rows may be off by, relative to its largest value. */
const MEAN_SLACK = 1e-3;

function isMean(row: Float32Array, { data }: HostTensor): boolean {
  const sums = new Float64Array(row.length);
  for (const [index, value] of data.entries())
    sums[index % row.length] = (sums[index % row.length] ?? 0) + value;
  const rows = data.length / row.length;
  const means = sums.map((sum) => sum / rows);
  const largest = means.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return row.every((value, index) => Math.abs(value - (means[index] ?? 0)) <= MEAN_SLACK * largest);
}
