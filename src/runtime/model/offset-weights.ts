import { parameterOf } from "../../model/canonical-names.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import { checkWeightDtype, toFloat32 } from "../backends/cast.ts";
import type { Parameter } from "../../model/parameter.ts";
import type { WeightBytes } from "../backends/ops.ts";
import { passedOn, type WeightSource } from "./weights.ts";

/**
 * The parameters as the model uses them, vectors with one axis: those that are stored as their difference from a number (Gemma's norms, from 1) are summed
 * up in float32 when they are read.
 */
export function withOffsets(source: WeightSource, config: ModelConfig): WeightSource {
  const offsetOf = (name: string): number | undefined => parameterOf(name, config)?.offset;
  return {
    facts: (name) => source.facts(name),
    ...passedOn(source),
    async read(name, rows) {
      const stored = flattened(await source.read(name, rows), parameterOf(name, config));
      const offset = offsetOf(name);
      return offset === undefined ? stored : summed(stored, offset);
    },
  };
}

/** What is added to experts' scores is one row in ERNIE's files. */
function flattened(stored: WeightBytes, parameter: Parameter | undefined): WeightBytes {
  const [rows, size] = stored.shape;
  if (parameter?.role !== "routerBias" || rows !== 1 || size === undefined) return stored;
  return { ...stored, shape: [size], transposed: false };
}

function summed(stored: WeightBytes, offset: number): WeightBytes {
  const values = toFloat32(stored.bytes, checkWeightDtype(stored.dtype, stored.name));
  const sums = Float32Array.from(values, (value) => value + offset);
  return { ...stored, dtype: "F32", bytes: new Uint8Array(sums.buffer) };
}
