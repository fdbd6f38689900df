import { parameterOf } from "../../model/canonical-names.ts";
import { isHidden } from "../../model/axes.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import {
  rowsOf,
  type HostTensor,
  type Laboratory,
  type ModelRunner,
  type Override,
} from "./model-runner.ts";
import { maxDifference } from "./metrics.ts";

/** A parameter's axes that run over the residual stream's channels. */
type HiddenAxes = readonly number[];

/** Permuting all of them the same way gives the same model, whose sums run in another order. */
function hiddenAxes(name: string, config: ModelConfig): HiddenAxes {
  const axes = parameterOf(name, config)?.axes ?? [];
  return axes.flatMap((axis, index) => (isHidden(axis, config) ? [index] : []));
}

/** A fixed permutation that moves every index far: i → i · step mod n, with a step near n · 0.618 that shares no factor. */
export function spreadPermutation(size: number): readonly number[] {
  let step = Math.max(1, Math.floor(size * 0.618));
  while (step > 1 && gcd(step, size) !== 1) step--;
  return Array.from({ length: size }, (_unused, index) => (index * step) % size);
}

function gcd(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}

/** A parameter with its hidden channels permuted along some axes. */
function permuted(tensor: HostTensor, axes: HiddenAxes, order: readonly number[]): HostTensor {
  const [rows = 1, columns = 1] = tensor.shape;
  const data = new Float32Array(tensor.data.length);
  const rowOf = axes.includes(0) ? order : undefined;
  const columnOf = axes.includes(1) ? Uint32Array.from(order) : undefined;
  for (let row = 0; row < rows; row++) {
    const begin = (rowOf?.[row] ?? row) * columns;
    const from = tensor.data.subarray(begin, begin + columns);
    if (columnOf === undefined) data.set(from, row * columns);
    else
      for (let column = 0; column < columns; column++)
        data[row * columns + column] = from[columnOf[column] ?? 0] ?? 0;
  }
  return { shape: tensor.shape, data };
}

/** The same model with its hidden channels in another order; each parameter is permuted when it is read. */
export function reordered(laboratory: Laboratory): Override {
  const order = spreadPermutation(laboratory.config.hiddenSize);
  return (name) => {
    const axes = hiddenAxes(name, laboratory.config);
    if (axes.length === 0) return undefined;
    return async (rows) => {
      if (!axes.includes(0)) return permuted(await laboratory.read(name, rows), axes, order);
      const whole = permuted(await laboratory.read(name), axes, order);
      return rows === undefined ? whole : rowsOf(whole, rows);
    };
  };
}

/** Logits of the same model, summed in another order, against `logits`: the largest difference is the model's own noise. */
export async function measureNoise(
  runner: ModelRunner,
  prompts: readonly (readonly number[])[],
  positions: readonly (readonly number[])[],
  logits: readonly Float32Array[],
  signal?: AbortSignal,
): Promise<number> {
  let states = await runner.embed(prompts);
  for (let layer = 0; layer < runner.layers; layer++) {
    signal?.throwIfAborted();
    states = await runner.runLayer(layer, states);
  }
  const other = await runner.head(await runner.finalNorm(states), positions);
  return logits.reduce((most, values, index) => {
    const difference = maxDifference(values, other[index] ?? new Float32Array(0));
    return Number.isNaN(difference) ? most : Math.max(most, difference);
  }, 0);
}
