import { parameterOf } from "../../model/canonical-names.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import { checkWeightDtype, toFloat32 } from "../backends/cast.ts";
import type { WeightBytes } from "../backends/ops.ts";
import type { WeightSource } from "./weights.ts";

/**
 * The parameters as the model uses them: those that are stored as their difference from a number (Gemma's norms, from 1) are summed
 * up in float32 when they are read.
 */
export function withOffsets(source: WeightSource, config: ModelConfig): WeightSource {
  const offsetOf = (name: string): number | undefined => parameterOf(name, config)?.offset;
  return {
    facts: (name) => source.facts(name),
    async read(name, rows) {
      const stored = await source.read(name, rows);
      const offset = offsetOf(name);
      return offset === undefined ? stored : summed(stored, offset);
    },
  };
}

function summed(stored: WeightBytes, offset: number): WeightBytes {
  const values = toFloat32(stored.bytes, checkWeightDtype(stored.dtype, stored.name));
  const sums = Float32Array.from(values, (value) => value + offset);
  return { ...stored, dtype: "F32", bytes: new Uint8Array(sums.buffer) };
}
