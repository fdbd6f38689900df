import { inLayer, layerOf } from "../../../model/layer-number.ts";
import type { HostTensor, Laboratory } from "../../compare/model-runner.ts";
import { commonLayer, type Diagnosis } from "../diagnosis.ts";
import type { Read } from "../hypotheses/hypothesis.ts";
import { sizeOf } from "../hypotheses/tensor-edits.ts";
import { pileOf } from "./pile.ts";

/** Elements that are needed before anything is said of their distribution, and rows and columns. */
const LEAST_LINES = 16;

/** Standard errors within which a statistic is the one that independent draws have, and beyond which it is another. */
const WITHIN = 4;
const BEYOND = 12;

/** Whether values are drawn alike: independent, of one spread in all rows and columns; how many standard errors they are from it. */
interface Spread {
  /** Of the kurtosis, from that of the normal distribution. */
  readonly tails: number;
  /** Of the variance of rows' and of columns' mean squares. */
  readonly rows: number;
  readonly columns: number;
  readonly size: number;
}

/**
 * Matrices that are as an initialisation draws them, where the same matrix of another layer is as training leaves it: they were never
 * loaded.
 */
export async function freshOnes(
  names: readonly string[],
  laboratory: Laboratory,
  read: Read,
): Promise<readonly Diagnosis[]> {
  const found: Diagnosis[] = [];
  for (const name of names) {
    const layer = layerOf(name);
    if (layer === undefined || laboratory.facts(name)?.shape.length !== 2) continue;
    const size = drawnSize(await read(name));
    if (size === undefined) continue;
    const other = [layer - 1, layer + 1]
      .map((one) => inLayer(name, one))
      .find((one) => laboratory.facts(one) !== undefined);
    if (other === undefined) continue;
    const trained = spreadOf(await laboratory.read(other));
    if (trained === undefined || !isTrained(trained)) continue;
    found.push({
      cause: "corrupt",
      tensors: [name],
      ...commonLayer([name]),
      evidence: `its values are as independent normal draws of size ${size.toPrecision(2)} are, alike in all rows and columns, which those of ${other} are not: as before anything was loaded`,
      claims: [{ tensor: name, kind: "drawn", size }],
    });
  }
  return found;
}

/** The size of what a matrix was drawn with, where the right one is as training leaves it; undefined where not both show. */
export function drawnBeside(ours: HostTensor, reference: HostTensor): number | undefined {
  const right = spreadOf(reference);
  return right !== undefined && isTrained(right) ? drawnSize(ours) : undefined;
}

/** How far a matrix is from independent normal draws of one size; undefined where it is too small to tell. */
function spreadOf(tensor: HostTensor): Spread | undefined {
  const { rows, columns } = sizeOf(tensor);
  const { data } = tensor;
  if (tensor.shape.length !== 2 || rows < LEAST_LINES || columns < LEAST_LINES) return undefined;
  const [ofRows, ofColumns] = [new Float64Array(rows), new Float64Array(columns)];
  let [squares, fourths] = [0, 0];
  for (const [index, value] of data.entries()) {
    const square = value * value;
    squares += square;
    fourths += square * square;
    ofRows[Math.floor(index / columns)] = (ofRows[Math.floor(index / columns)] ?? 0) + square;
    ofColumns[index % columns] = (ofColumns[index % columns] ?? 0) + square;
  }
  const variance = squares / data.length;
  if (!(variance > 0)) return undefined;
  // Of n normal draws the kurtosis has a variance of 24/n, and a mean square one of 2/n of its own square.
  return {
    tails: (fourths / data.length / variance ** 2 - 3) / Math.sqrt(24 / data.length),
    rows: unevenness(ofRows, columns, variance),
    columns: unevenness(ofColumns, rows, variance),
    size: Math.sqrt(variance),
  };
}

/** Standard errors by which sums of so many squares vary more than those of independent normal draws. */
function unevenness(sums: Float64Array, count: number, variance: number): number {
  const expected = 2 / count;
  const seen =
    sums.reduce((total, sum) => total + (sum / count / variance - 1) ** 2, 0) / sums.length;
  return (seen / expected - 1) / Math.sqrt(2 / sums.length);
}

/** The size of what an initialisation drew; undefined where it did not, as where many values are of the largest size. */
function drawnSize(tensor: HostTensor): number | undefined {
  const spread = spreadOf(tensor);
  if (spread === undefined || pileOf(tensor.data) !== undefined) return undefined;
  const { tails, rows, columns, size } = spread;
  return [tails, rows, columns].every((one) => Math.abs(one) <= WITHIN) ? size : undefined;
}

/** As no initialisation draws them: rows or columns of clearly different sizes. */
function isTrained({ rows, columns }: Spread): boolean {
  return Math.max(rows, columns) > BEYOND;
}
