import type { Assembly } from "../../mapping/assembly.ts";
import { BufferRing } from "../../mapping/buffer-ring.ts";
import { decodeValues } from "../../tensor/decode.ts";
import { sameShape } from "../../tensor/shape.ts";
import { streamBoth } from "../match/stream-both.ts";

/** How far two tensors' values go together. */
export interface Agreement {
  /** Of all values. */
  readonly cosine: number;
  /** The left's length over the right's. */
  readonly ratio: number;
  /** The part of the rows whose own cosine is at least half of that of all. */
  readonly rows: number;
}

const buffers = new BufferRing();

/** Measures it; undefined where shapes differ. */
export async function agreement(
  left: Assembly,
  right: Assembly,
  signal?: AbortSignal,
): Promise<Agreement | undefined> {
  if (!sameShape(left.shape, right.shape)) return undefined;
  const height = right.shape[0] ?? 1;
  const width = right.shape.slice(1).reduce((product, size) => product * size, 1);
  const dots = new Float64Array(height);
  const lefts = new Float64Array(height);
  const rights = new Float64Array(height);
  let index = 0;
  await streamBoth(left, right, { buffers, signal }, (one, other) => {
    const a = decodeValues(one, left.dtype) ?? new Float64Array(0);
    const b = decodeValues(other, right.dtype) ?? new Float64Array(0);
    for (let at = 0; at < a.length; at++, index++) {
      const row = Math.floor(index / width);
      const [x, y] = [a[at] ?? 0, b[at] ?? 0];
      dots[row] = (dots[row] ?? 0) + x * y;
      lefts[row] = (lefts[row] ?? 0) + x * x;
      rights[row] = (rights[row] ?? 0) + y * y;
    }
  });
  const [dot, a, b] = [dots, lefts, rights].map((sums) => sums.reduce((sum, one) => sum + one, 0));
  const all = cosineOf(dot ?? 0, a ?? 0, b ?? 0);
  const good = dots.reduce(
    (count, one, row) =>
      count + (cosineOf(one, lefts[row] ?? 0, rights[row] ?? 0) >= all / 2 ? 1 : 0),
    0,
  );
  return {
    cosine: all,
    ratio: a === b ? 1 : Math.sqrt((a ?? 0) / (b ?? 0)),
    rows: height === 0 ? 1 : good / height,
  };
}

/** Of two sums of squares and the dot product; 1 where there are no values but 0. */
function cosineOf(dot: number, left: number, right: number): number {
  if (left === 0 || right === 0) return left === right ? 1 : 0;
  return dot / Math.sqrt(left * right);
}

/** Values of a row from which on its own cosine says something. */
const TELLING_WIDTH = 16;

/** Whether values go together as a fine-tuned matrix does with its base: in direction, in size, and row by row. */
export function agrees(found: Agreement | undefined, shape: readonly number[]): boolean {
  if (found === undefined) return false;
  const { cosine, ratio, rows } = found;
  const width = shape.slice(1).reduce((product, size) => product * size, 1);
  // Few values go together by chance.
  const chance = Math.min(0.95, 4 / Math.sqrt(width * (shape[0] ?? 1)));
  return (
    cosine >= Math.max(MIN_COSINE, chance) &&
    ratio <= MAX_RATIO &&
    ratio >= 1 / MAX_RATIO &&
    (width < TELLING_WIDTH || rows >= MIN_ROWS)
  );
}

export const MIN_COSINE = 0.5;
/** Noise as large as the weights makes 1.41 of it; another scale is another matrix. */
const MAX_RATIO = 1.6;
/** The others may be words that were taught anew. */
const MIN_ROWS = 0.9;
