import { fitAll, leftOver, type Fit, type Measured } from "./alternating-fit.ts";

/** A change of low rank, and the numbers of the rows that it was solved from. */
export interface LowRank extends Fit {
  readonly kept: readonly number[];
}

/** How many times the median of what is left a row may leave, and how often rows that leave more are taken out. */
const OUTLYING = 30;
const CUTS = 3;

/**
 * The change of a matrix, of one rank for all blocks of its rows, that brings inputs nearest to outputs, by solving for its two factors
 * in turn (alternating least squares; Jain, Netrapalli and Sanghavi, 2013), from the strongest directions of the smallest change that
 * does without a rank. There may be fewer inputs than the matrix has columns. Row i of all blocks belongs together; rows that fit far
 * worse than half of them are left out.
 */
export function fitLowRank(
  blocks: readonly Measured[],
  width: number,
  rank: number,
  rows: readonly number[],
): LowRank | undefined {
  let kept = rows;
  for (let cut = 0; ; cut++) {
    const own = blocks.map((block) => taken(block, kept, rows.length, width));
    const fit = fitAll(own, width, rank);
    if (fit === undefined) return undefined;
    const left = kept.map((_row, at) =>
      own.reduce((sum, block, index) => sum + leftAt(block, at, kept.length, fit, index, width), 0),
    );
    const limit = OUTLYING * (left.toSorted((one, two) => one - two)[left.length >> 1] ?? 0);
    const rest = kept.filter((_row, at) => !((left[at] ?? 0) > limit));
    if (cut === CUTS || rest.length === kept.length) return { ...fit, kept };
    kept = rest;
  }
}

/** Some of a block's rows, of which it has so many times `all`, one below the other. */
function taken(block: Measured, kept: readonly number[], all: number, width: number): Measured {
  const { inputs, outputs, height } = block;
  const times = block.count / all;
  const own = Array.from({ length: times }, (_none, time) =>
    kept.map((row) => time * all + row),
  ).flat();
  const of = (list: Float64Array, size: number): Float64Array => {
    const made = new Float64Array(own.length * size);
    for (const [at, row] of own.entries())
      made.set(list.subarray(row * size, (row + 1) * size), at * size);
    return made;
  };
  return { count: own.length, height, inputs: of(inputs, width), outputs: of(outputs, height) };
}

/** Energy that a fit leaves of row `at` of a block that has each row `count / all` times. */
function leftAt(
  { inputs, outputs, count, height }: Measured,
  at: number,
  all: number,
  { lefts, right }: Fit,
  index: number,
  width: number,
): number {
  let sum = 0;
  for (let row = at; row < count; row += all)
    sum += leftOver(
      {
        count: 1,
        height,
        inputs: inputs.subarray(row * width, (row + 1) * width),
        outputs: outputs.subarray(row * height, (row + 1) * height),
      },
      lefts[index],
      right,
      width,
      right.length / width,
    );
  return sum;
}
