import { layerName } from "../../../model/canonical-names.ts";
import { ATTENTION } from "../../../model/network.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { dot } from "../../../tensor/dot.ts";
import { largest } from "../../compare/run-model.ts";
import { fall, type Diagnosis } from "../diagnosis.ts";
import { sizeOf } from "../hypotheses/tensor-edits.ts";
import { rowsOf, type AttentionDeparture } from "./attention-residual.ts";
import { factor, solveBelow, solveFactored } from "./least-squares.ts";
import type { Changes, LocalLab, Part } from "./local-lab.ts";
import type { Measured } from "./alternating-fit.ts";
import { fitLowRank, type LowRank } from "./low-rank-fit.ts";
import type { Rows } from "./newton-krylov.ts";
import type { SearchBudget } from "./search.ts";
import type { MeasuredPart } from "./suspects.ts";
import { weightedInputs, type Heads } from "./weighted-inputs.ts";

/** Ranks that are tried; a fit of more finds those of fewer, too. */
const RANKS = [1, 2, 4, 8, 16, 32];

/** Rows and columns that a change of low rank has for each of its rank: any change of some elements is of half their number. */
const LOW = 4;

/** Equations that each unknown must have, so that nothing fits by having many of them. */
const EQUATIONS = 3;

/** Columns of o_proj at most that are solved for: the work grows with their cube. */
const MOST_COLUMNS = 1024;

/** Share of the departure's energy that a fit may leave before it is held against the layer. */
const PROMISING = 0.02;

/**
 * What o_proj tells hardly anything of counts for less: a thousandth of the sums is what they are off by at least, and how many times
 * that is a rounding of the layer.
 */
const WEIGHT = 1e3;

/** Share of the largest difference that may be left: both matrices were rounded, and what attention adds is known within noise. */
const EXPLAINED = 0.02;

/** Share of the tokens that a fit must be of. */
const KEPT = 0.6;

/**
 * A change of low rank in v_proj: the weights of attention are right, so that what it adds is linear in the values. The change is
 * solved for, and named where the layer is right without it.
 */
export async function adapterInValues(
  lab: LocalLab,
  layer: number,
  suspect: MeasuredPart,
  departure: AttentionDeparture,
  budget: SearchBudget,
): Promise<Diagnosis | undefined> {
  const { hiddenSize, heads, kvHeads, headDim } = lab.laboratory.config;
  const name = layerName(layer, `${ATTENTION.value}.weight`);
  const output = layerName(layer, `${ATTENTION.output}.weight`);
  const columns = heads * headDim;
  if (lab.laboratory.facts(name) === undefined) return undefined;
  if (columns > Math.min(hiddenSize, MOST_COLUMNS)) return undefined;
  const value = await lab.read(name);
  const outputs = columnsSolved(await lab.read(output), departure.rows);
  if (outputs === undefined || sizeOf(value).rows !== kvHeads * headDim) return undefined;
  const inputs = await weightedInputs(lab, layer, suspect, budget);
  if (inputs === undefined) return undefined;
  const { sums, lower } = outputs;
  const shape = { heads, kvHeads, headDim };
  const weights = Array.from({ length: kvHeads }, (_none, kvHead) =>
    errorFactor(lower, kvHead, shape, (WEIGHT * suspect.noise) ** 2 / meanSquare(sums)),
  );
  const blocks = blocksOf(inputs, sums, departure.tokens, shape, weights);
  const equations = departure.tokens.length * columns;
  for (const rank of RANKS.filter((one) => LOW * one <= Math.min(kvHeads * headDim, hiddenSize))) {
    const unknowns = rank * (kvHeads * headDim + Math.min(hiddenSize, departure.tokens.length));
    if (EQUATIONS * unknowns > equations || !(await budget.spend())) return undefined;
    const all = departure.tokens.map((_token, at) => at);
    const fit = fitLowRank(blocks, hiddenSize, rank, all);
    if (fit === undefined) return undefined;
    if (!(fit.left <= PROMISING) || fit.kept.length < KEPT * all.length) continue;
    const tokens = fit.kept.map((at) => departure.tokens[at] ?? 0);
    const lefts = fit.lefts.map((left, at) => weighted(left, weights[at], rank));
    const right = less(value, { ...fit, lefts }, headDim, rank);
    const [before, after] = [
      await differenceAt(lab, suspect.part, tokens, new Map()),
      await differenceAt(lab, suspect.part, tokens, new Map([[name, right]])),
    ];
    if (!(after <= Math.max(suspect.noise, EXPLAINED * Math.min(before, suspect.scale)))) continue;
    return {
      cause: "low-rank",
      tensors: [name],
      layer,
      evidence: `a change of v_proj of rank ${rank} at most, as an adapter makes that was left in, left out or scaled otherwise, explains what attention departs by at ${tokens.length} of ${inputs.length} tokens, from which it was solved: there ${fall(before, after)}`,
      before,
      after,
    };
  }
  return undefined;
}

/** Largest difference of a part from the golden at some tokens. */
async function differenceAt(
  lab: LocalLab,
  part: Part,
  tokens: readonly number[],
  changes: Changes,
): Promise<number> {
  const { hiddenSize } = lab.laboratory.config;
  const outputs = await lab.outputs(part, changes);
  const [ours, goal] = [
    rowsOf(
      outputs.map((one) => one.ours),
      hiddenSize,
    ),
    rowsOf(
      outputs.map((one) => one.reference),
      hiddenSize,
    ),
  ];
  return largest(
    tokens.flatMap((at) =>
      Array.from(ours[at] ?? [], (value, channel) =>
        Math.abs(value - (goal[at]?.[channel] ?? Number.NaN)),
      ),
    ),
  );
}

/** What columns of o_proj must have been multiplied by to add some rows: the solution of least squares. */
function columnsSolved(
  matrix: HostTensor,
  rows: readonly Float32Array[],
): { readonly sums: readonly Float64Array[]; readonly lower: Float64Array } | undefined {
  const { rows: height, columns } = sizeOf(matrix);
  const gram = new Float64Array(columns * columns);
  for (let row = 0; row < height; row++) {
    const own = matrix.data.subarray(row * columns, (row + 1) * columns);
    for (let i = 0; i < columns; i++)
      for (let j = 0; j <= i; j++)
        gram[i * columns + j] = (gram[i * columns + j] ?? 0) + (own[i] ?? 0) * (own[j] ?? 0);
  }
  if (!factor(gram, columns)) return undefined;
  const sums = rows.map((values) => {
    const goal = new Float64Array(columns);
    for (const [row, one] of values.entries())
      for (let column = 0; column < columns; column++)
        goal[column] = (goal[column] ?? 0) + one * (matrix.data[row * columns + column] ?? 0);
    return solveFactored(gram, goal, columns);
  });
  return { sums, lower: gram };
}

/**
 * Lower factor of what the sums of one head may be off by: what o_proj hardly tells is known less well, and counts for less.
 * @param share The square of what rows are off by, by that of the sums.
 */
function errorFactor(
  lower: Float64Array,
  kvHead: number,
  { heads, kvHeads, headDim }: Heads,
  share: number,
): Float64Array {
  const columns = heads * headDim;
  const errors = new Float64Array(headDim * headDim);
  const group = heads / kvHeads;
  for (let head = kvHead * group; head < (kvHead + 1) * group; head++)
    for (let column = 0; column < headDim; column++) {
      const unit = new Float64Array(columns);
      unit[head * headDim + column] = 1;
      const inverse = solveFactored(lower, unit, columns);
      for (let row = 0; row < headDim; row++)
        errors[row * headDim + column] =
          (errors[row * headDim + column] ?? 0) +
          ((inverse[head * headDim + row] ?? 0) * share) / group;
    }
  for (let row = 0; row < headDim; row++)
    errors[row * (headDim + 1)] = (errors[row * (headDim + 1)] ?? 0) + 1;
  factor(errors, headDim);
  return errors;
}

/** Left factors of weighted sums as those of the sums themselves. */
function weighted(
  left: Float64Array,
  lower: Float64Array = new Float64Array(0),
  rank = 1,
): Float64Array {
  const height = left.length / rank;
  return left.map((_value, at) => {
    const [row, column] = [Math.floor(at / rank), at % rank];
    let sum = 0;
    for (let index = 0; index <= row; index++)
      sum += (lower[row * height + index] ?? 0) * (left[index * rank + column] ?? 0);
    return sum;
  });
}

function meanSquare(rows: readonly Float64Array[]): number {
  const sum = rows.reduce((total, row) => total + dot(row, row), 0);
  return sum / (rows.length * (rows[0]?.length ?? 1));
}

/** What each head of keys and values gave, of all heads of queries that take it. */
function blocksOf(
  inputs: Rows,
  outputs: readonly Float64Array[],
  tokens: readonly number[],
  { heads, kvHeads, headDim }: Heads,
  weights: readonly Float64Array[],
): readonly Measured[] {
  const group = heads / kvHeads;
  const width = (inputs[0]?.length ?? 0) / heads;
  return Array.from({ length: kvHeads }, (_none, kvHead) => {
    const own = Array.from({ length: group }, (_one, index) => kvHead * group + index);
    const taken = (list: Rows, size: number, of: (at: number) => number): Float64Array =>
      Float64Array.from(
        own.flatMap((head) =>
          tokens.flatMap((_token, at) =>
            Array.from(list[of(at)]?.subarray(head * size, (head + 1) * size) ?? []),
          ),
        ),
      );
    const sums = taken(outputs, headDim, (at) => at);
    const lower = weights[kvHead] ?? new Float64Array(0);
    for (let begin = 0; begin < sums.length; begin += headDim)
      solveBelow(lower, sums.subarray(begin, begin + headDim), headDim);
    return {
      count: tokens.length * group,
      height: headDim,
      inputs: taken(inputs, width, (at) => tokens[at] ?? 0),
      outputs: sums,
    };
  });
}

/** The matrix as the golden has it: ours and the change that was solved for. */
function less(
  { shape, data }: HostTensor,
  { lefts, right }: LowRank,
  height: number,
  rank: number,
): HostTensor {
  const width = right.length / rank;
  const made = data.slice();
  for (const [block, left] of lefts.entries())
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++) {
        let sum = 0;
        for (let index = 0; index < rank; index++)
          sum += (left[row * rank + index] ?? 0) * (right[index * width + column] ?? 0);
        const at = (block * height + row) * width + column;
        made[at] = (made[at] ?? 0) + sum;
      }
  return { shape, data: made };
}
