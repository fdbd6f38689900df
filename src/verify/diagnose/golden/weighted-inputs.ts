import { layerName } from "../../../model/canonical-names.ts";
import { ATTENTION } from "../../../model/network.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { sizeOf } from "../hypotheses/tensor-edits.ts";
import { rowsOf, withoutNetwork } from "./attention-residual.ts";
import type { LocalLab } from "./local-lab.ts";
import type { Rows } from "./newton-krylov.ts";
import type { SearchBudget } from "./search.ts";
import type { MeasuredPart } from "./suspects.ts";

/** Share of the largest output that rounding may leave where sums are taken again. */
const SAME = 1e-3;

/** How many heads attention has, and the width of each. */
export interface Heads {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/**
 * The inputs of v_proj as each head weights them, [tokens][heads · hidden]: the layer is run with values that are some of its inputs'
 * channels and an o_proj that hands them on. Undefined where that is not what attention adds in this model.
 */
export async function weightedInputs(
  lab: LocalLab,
  layer: number,
  { part }: MeasuredPart,
  budget: SearchBudget,
): Promise<Rows | undefined> {
  const { hiddenSize, heads, kvHeads, headDim } = lab.laboratory.config;
  const at = (module: string, kind: string): string => layerName(layer, `${module}.${kind}`);
  const states = rowsOf(
    lab.prompts.map(({ hiddenStates }) => hiddenStates[layer] ?? new Float32Array(0)),
    hiddenSize,
  );
  const bare = await withoutNetwork(lab, layer);
  for (const name of [at(ATTENTION.value, "bias"), at(ATTENTION.output, "bias")]) {
    const shape = lab.laboratory.facts(name)?.shape;
    if (shape !== undefined) bare.set(name, { shape, data: new Float32Array(shape[0] ?? 0) });
  }
  const added = async (value: HostTensor, output?: HostTensor): Promise<Rows> => {
    const changes = new Map([...bare, [at(ATTENTION.value, "weight"), value] as const]);
    if (output !== undefined) changes.set(at(ATTENTION.output, "weight"), output);
    const outputs = await lab.outputs(part, changes);
    const rows = rowsOf(
      outputs.map(({ ours }) => ours),
      hiddenSize,
    );
    return rows.map((row, token) =>
      row.map((one, channel) => one - (states[token]?.[channel] ?? 0)),
    );
  };
  const columns = heads * headDim;
  const handing = ones([hiddenSize, columns], (row) => (row < columns ? row : undefined));
  const found = states.map(() => new Float64Array(heads * hiddenSize));
  for (let begin = 0; begin < hiddenSize; begin += headDim) {
    if (!(await budget.spend())) return undefined;
    const chosen = ones([kvHeads * headDim, hiddenSize], (row) => begin + (row % headDim));
    for (const [token, row] of (await added(chosen, handing)).entries())
      for (let head = 0; head < heads; head++)
        for (let index = 0; index < headDim && begin + index < hiddenSize; index++)
          (found[token] ?? row)[head * hiddenSize + begin + index] =
            row[head * headDim + index] ?? 0;
  }
  const [value, output] = [
    await lab.read(at(ATTENTION.value, "weight")),
    await lab.read(at(ATTENTION.output, "weight")),
  ];
  const made = await added(value, output);
  return isMadeFrom(found, value, output, made, { heads, kvHeads, headDim }) ? found : undefined;
}

/** Whether weighted inputs, through v_proj and o_proj, are what attention adds at the last token. */
function isMadeFrom(
  inputs: Rows,
  value: HostTensor,
  output: HostTensor,
  made: Rows,
  { heads, kvHeads, headDim }: Heads,
): boolean {
  const [input, goal] = [inputs.at(-1), made.at(-1)];
  if (input === undefined || goal === undefined) return false;
  const width = sizeOf(value).columns;
  const sums = Float64Array.from({ length: heads * headDim }, (_none, column) => {
    const head = Math.floor(column / headDim);
    const row = Math.floor((head * kvHeads) / heads) * headDim + (column % headDim);
    let sum = 0;
    for (let at = 0; at < width; at++)
      sum += (value.data[row * width + at] ?? 0) * (input[head * width + at] ?? 0);
    return sum;
  });
  const scale = goal.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
  return goal.every((one, row) => {
    let sum = 0;
    for (const [column, factored] of sums.entries())
      sum += factored * (output.data[row * sums.length + column] ?? 0);
    return Math.abs(sum - one) <= SAME * scale;
  });
}

/** A matrix of zeros with a one in each row, at the column that is given for it. */
function ones(
  shape: readonly [number, number],
  columnOf: (row: number) => number | undefined,
): HostTensor {
  const [rows, columns] = shape;
  const data = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const column = columnOf(row);
    if (column !== undefined && column < columns) data[row * columns + column] = 1;
  }
  return { shape, data };
}
