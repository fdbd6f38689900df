import type { ModelConfig } from "../../../model/config/model-config.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { nameOrder } from "../../relate/name-order.ts";
import { isIdentity, isPermutation } from "../../relate/row-order.ts";
import type { Statement } from "../../relate/claim.ts";
import type { Diagnosis } from "../diagnosis.ts";
import type { LocalLab } from "./local-lab.ts";

/** What storing a scaled head in a half dtype may move its values by. */
const HEAD_SLACK = 2 ** -7;

/** Share of a token's logits that rounding its scaled row to a half dtype may leave. */
const ROW_SLACK = 2 ** -8;

/** Positions without which a factor a token says nothing. */
const LEAST_POSITIONS = 4;

export type ColumnRelation = Pick<Diagnosis, "cause" | "evidence"> & {
  readonly statement: Statement;
};

/** What a model makes, and what it should make. */
interface Logits {
  readonly ours: Float32Array;
  readonly reference: Float32Array;
}

/** How one side's logits come from the other's, given the same states: by one factor, or as `rowRelation` says. */
export async function columnRelation(
  lab: LocalLab,
  noise: number,
): Promise<ColumnRelation | undefined> {
  const outputs = await lab.outputs({ kind: "head" });
  if (outputs.some(({ ours, reference }) => ours.length !== reference.length)) return undefined;
  const joined = (side: "ours" | "reference"): Float32Array =>
    Float32Array.from(outputs.flatMap((output) => [...output[side]]));
  const factor = logitFactor(joined("ours"), joined("reference"), noise);
  if (factor !== undefined)
    return {
      cause: "scaled",
      evidence: `every logit is ${Number(factor.toPrecision(6))} times the golden's`,
      statement: { kind: "linear", factor, offset: 0, slack: HEAD_SLACK },
    };
  return rowRelation(outputs, lab.laboratory.config, noise);
}

/** What only rows of lm_head can do to logits: a factor for each token, or tokens in another order. */
export function rowRelation(
  outputs: readonly Logits[],
  config: ModelConfig,
  noise: number,
): ColumnRelation | undefined {
  const vocab = config.vocabSize;
  if (outputs.some(({ ours, reference }) => ours.length !== reference.length)) return undefined;
  const joined = (side: "ours" | "reference"): HostTensor => {
    const data = Float32Array.from(outputs.flatMap((output) => [...output[side]]));
    return { shape: [data.length / vocab, vocab], data };
  };
  const [ours, reference] = [joined("ours"), joined("reference")];
  const factors = rowFactors(ours, reference);
  if (factors !== undefined) {
    const [least, most] = [Math.min(...factors), Math.max(...factors)];
    // All alike: one factor, of values that were rounded behind it.
    if (most <= (1 + 2 * ROW_SLACK) * least) {
      const factor = factors.reduce((sum, one) => sum + one, 0) / factors.length;
      if (Math.abs(factor - 1) <= 2 * ROW_SLACK) return undefined;
      return {
        cause: "scaled",
        evidence: `the logits of each token are ${factor.toPrecision(3)} times the golden's, but for rounding`,
        statement: { kind: "linear", factor, offset: 0, slack: HEAD_SLACK },
      };
    }
    return {
      cause: "scaled",
      evidence: `the logits of each token are the golden's by a factor of its own, from ${least.toPrecision(3)} to ${most.toPrecision(3)}`,
      statement: { kind: "factors", rows: factors, columns: undefined, slack: HEAD_SLACK },
    };
  }
  const order = columnOrder(ours, reference, noise);
  if (order === undefined || !isPermutation(order) || isIdentity(order)) return undefined;
  const { cause, text, claim } = nameOrder(order, "rows", {
    config,
    over: "vocab",
  });
  return {
    cause,
    evidence: `by the logits of each token, ${text.replaceAll("the other side", "the golden")}`,
    statement: claim,
  };
}

/** One factor between all logits, within what rounding leaves. */
function logitFactor(
  ours: Float32Array,
  reference: Float32Array,
  noise: number,
): number | undefined {
  let [products, squares] = [0, 0];
  for (let index = 0; index < ours.length; index++) {
    products += (ours[index] ?? 0) * (reference[index] ?? 0);
    squares += (reference[index] ?? 0) ** 2;
  }
  const factor = products / squares;
  const slack = noise * Math.max(1, Math.abs(factor));
  const fits = ours.every(
    (value, index) => Math.abs(value - factor * (reference[index] ?? Number.NaN)) <= slack,
  );
  return fits && factor !== 0 ? factor : undefined;
}

/** The factor of each token's logits; undefined where one has none. */
function rowFactors(ours: HostTensor, reference: HostTensor): readonly number[] | undefined {
  const [rows = 0, columns = 0] = ours.shape;
  if (rows < LEAST_POSITIONS) return undefined;
  const factors: number[] = [];
  for (let column = 0; column < columns; column++) {
    let [products, squares, own] = [0, 0, 0];
    for (let at = column; at < rows * columns; at += columns) {
      const [a, b] = [ours.data[at] ?? 0, reference.data[at] ?? 0];
      products += a * b;
      squares += b * b;
      own += a * a;
    }
    const factor = products / squares;
    // What is left of ours, by Pythagoras: the square of the distance to the nearest multiple.
    if (!(factor > 0 && own - products * factor <= ROW_SLACK ** 2 * own)) return undefined;
    factors.push(factor);
  }
  return factors;
}

/** Which of the reference's columns each of ours is, by all of its values; undefined where one is none. */
function columnOrder(
  ours: HostTensor,
  reference: HostTensor,
  noise: number,
): readonly number[] | undefined {
  const [rows = 0, columns = 0] = ours.shape;
  const sorted = Array.from({ length: columns }, (_unused, column) => column).toSorted(
    (left, right) => (reference.data[left] ?? 0) - (reference.data[right] ?? 0),
  );
  const firsts = sorted.map((column) => reference.data[column] ?? 0);
  const order: number[] = [];
  for (let column = 0; column < columns; column++) {
    const value = ours.data[column] ?? Number.NaN;
    let at = lowerBound(firsts, value - noise);
    let found: number | undefined;
    for (; at < columns && (firsts[at] ?? 0) <= value + noise && found === undefined; at++) {
      const candidate = sorted[at] ?? 0;
      let row = 1;
      while (
        row < rows &&
        Math.abs(
          (ours.data[row * columns + column] ?? 0) -
            (reference.data[row * columns + candidate] ?? 0),
        ) <= noise
      )
        row++;
      if (row >= rows) found = candidate;
    }
    if (found === undefined) return undefined;
    order.push(found);
  }
  return order;
}

function lowerBound(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
