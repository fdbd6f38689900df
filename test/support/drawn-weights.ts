import type { ModelConfig } from "../../src/model/config/model-config.ts";
import { expectedTensors } from "../../src/model/tensors.ts";
import type { WeightSource } from "../../src/runtime/model/weights.ts";
import { elementCount } from "../../src/tensor/shape.ts";
import { bytesOf, type StoredDtype } from "./exact-numbers.ts";

/** Parameters of a model drawn at random, the same in every run; of norms near 1. No sum of their products is exact. */
export function drawnWeights(config: ModelConfig, dtype: StoredDtype): WeightSource {
  const shapes = new Map(expectedTensors(config).map(({ name, shape }) => [name, shape]));
  return {
    facts: (name) => {
      const shape = shapes.get(name);
      return shape === undefined ? undefined : { dtype, shape };
    },
    read: (name, rows) => {
      const whole = shapes.get(name) ?? [];
      const [columns = 1] = whole.slice(1);
      const shape = rows === undefined ? whole : whole.with(0, rows.end - rows.begin);
      const first = whole.length === 2 ? (rows?.begin ?? 0) * columns : 0;
      const numbers = drawn(name, first, elementCount(shape) ?? 0, whole.length === 1);
      return Promise.resolve({
        name,
        bytes: bytesOf(numbers, dtype),
        dtype,
        shape,
        transposed: false,
      });
    },
  };
}

/** Element `index` of a parameter is the same whichever of its rows are read. */
function drawn(name: string, first: number, count: number, isVector: boolean): Float32Array {
  const seed = Buffer.from(name).reduce((sum, letter) => Math.imul(sum, 31) + letter, 7);
  const isNorm = isVector && name.includes("norm");
  return Float32Array.from({ length: count }, (_, offset) => {
    let bits = Math.imul(seed ^ (first + offset), 0x9e3779b1);
    bits = Math.imul(bits ^ (bits >>> 15), 0x85ebca6b);
    bits ^= bits >>> 13;
    const value = ((bits >>> 0) / 2 ** 32 - 0.5) / 2;
    return isNorm ? 1 + value / 4 : value;
  });
}
