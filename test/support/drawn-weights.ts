import type { ModelConfig } from "../../src/model/config/model-config.ts";
import { expectedTensors } from "../../src/model/tensors.ts";
import type { RowRange, WeightFacts, WeightSource } from "../../src/runtime/model/weights.ts";
import { elementCount } from "../../src/tensor/shape.ts";
import { dequantised, drawnBlocks, typeOf } from "./drawn-blocks.ts";
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
      const shape = rowsOf(whole, rows);
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

/**
 * The same with matrices of drawn blocks where rows are whole ones. Without `inBlocks` the source gives the numbers that the blocks stand
 * for, and no blocks.
 */
export function drawnQuantised(config: ModelConfig, type: string, inBlocks = true): WeightSource {
  const plain = drawnWeights(config, "F32");
  const { elements, bytes: blockBytes } = typeOf(type);
  const known = new Map<string, Uint8Array>();
  const shapeOf = (name: string): readonly number[] | undefined => {
    const shape = plain.facts(name)?.shape;
    return shape?.length === 2 && (shape[1] ?? 0) % elements === 0 ? shape : undefined;
  };
  const blocksOf = (name: string, shape: readonly number[], rows?: RowRange): Uint8Array => {
    const [outputs = 0, inputs = 0] = shape;
    const count = (outputs * inputs) / elements;
    const all = known.get(name) ?? drawnBlocks(type, count, name.length + outputs);
    known.set(name, all);
    const rowBytes = (inputs / elements) * blockBytes;
    return all.slice((rows?.begin ?? 0) * rowBytes, (rows?.end ?? outputs) * rowBytes);
  };
  const facts = (name: string): WeightFacts | undefined => {
    const found = plain.facts(name);
    if (found === undefined || shapeOf(name) === undefined || !inBlocks) return found;
    return { ...found, quantised: [type], blocks: type };
  };
  const read: WeightSource["read"] = (name, rows) => {
    const shape = shapeOf(name);
    if (shape === undefined) return plain.read(name, rows);
    const bytes = new Uint8Array(dequantised(type, blocksOf(name, shape, rows)).buffer);
    return Promise.resolve({
      name,
      bytes,
      dtype: "F32",
      shape: rowsOf(shape, rows),
      transposed: false,
    });
  };
  if (!inBlocks) return { facts, read };
  return {
    facts,
    read,
    readBlocks: (name, rows) => {
      const shape = shapeOf(name);
      if (shape === undefined) throw new Error(`${name} has no blocks`);
      const bytes = blocksOf(name, shape, rows);
      return Promise.resolve({ name, type, bytes, shape: rowsOf(shape, rows) });
    },
  };
}

function rowsOf(shape: readonly number[], rows: RowRange | undefined): readonly number[] {
  return rows === undefined ? shape : shape.with(0, rows.end - rows.begin);
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
