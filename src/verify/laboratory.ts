import { setImmediate as nextTurn } from "node:timers/promises";
import { narrowRows, type Assembly } from "../mapping/assembly.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import { readAssembly } from "../mapping/read-assembly.ts";
import { WbError } from "../errors/wb-error.ts";
import { decodeFloats } from "../tensor/decode.ts";
import { Decoder } from "../runtime/model/decoder.ts";
import { LayerwiseModel } from "../runtime/model/layerwise.ts";
import { WeightPool } from "../runtime/model/weight-pool.ts";
import { assemblyWeights, passedOn, type WeightSource } from "../runtime/model/weights.ts";
import type { Backend } from "../runtime/backends/backend.ts";
import type { Laboratory, Override } from "./compare/model-runner.ts";

/**
 * A model on a device, which can be opened again with changes; the parameters stay in their file.
 * @param signal Ends every run and reading that has not begun.
 */
export function openLaboratory(
  path: string,
  config: ModelConfig,
  assemblies: ReadonlyMap<string, Assembly>,
  backend: Backend,
  signal?: AbortSignal,
): Laboratory {
  // `verify` names a damaged record in its diagnosis, and goes on to compare.
  const stored = assemblyWeights(assemblies, { unchecked: true });
  const assemblyOf = (name: string): Assembly => {
    const assembly = assemblies.get(name);
    if (assembly !== undefined) return assembly;
    throw new WbError("WB3780", `${path}: ${name} is not in the checkpoint`, {
      details: { path, tensor: name },
    });
  };
  const pool = new WeightPool(backend.ops);
  // Weights on the device and layers that run there leave no turn to signals.
  const takeTurn = async (): Promise<void> => {
    await nextTurn();
    signal?.throwIfAborted();
  };
  return {
    config,
    facts: (name) => assemblies.get(name),
    names: () => [...assemblies.keys()],
    readBytes: (name) => readAssembly(assemblyOf(name)),
    read: async (name, rows) => {
      await takeTurn();
      const whole = assemblyOf(name);
      const assembly = rows === undefined ? whole : narrowRows(whole, rows.begin, rows.end);
      const values = decodeFloats(await readAssembly(assembly), assembly.dtype);
      return { shape: assembly.shape, data: values ?? new Float32Array(0) };
    },
    open: async (override, changed) => {
      await takeTurn();
      const source = override === undefined ? stored : overridden(stored, override);
      const decoder = new Decoder(backend, changed ?? config, source, "streamed");
      return new LayerwiseModel(decoder);
    },
    openAgain: async (override, changed) => {
      await takeTurn();
      const source = override === undefined ? stored : overridden(stored, override);
      const shared = pool.without((name) => override?.(name) !== undefined);
      const decoder = new Decoder(backend, changed ?? config, source, "streamed", shared);
      return new LayerwiseModel(decoder);
    },
    forget: () => {
      pool.clear();
    },
  };
}

/** Parameters of one source with some replaced. */
function overridden(stored: WeightSource, override: Override): WeightSource {
  return {
    facts: (name) => {
      const facts = stored.facts(name);
      return facts === undefined || override(name) === undefined
        ? facts
        : { dtype: "F32", shape: facts.shape };
    },
    ...passedOn(stored),
    read: async (name, rows) => {
      const read = override(name);
      if (read === undefined) return stored.read(name, rows);
      const { shape, data } = await read(rows);
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      return { name, bytes, dtype: "F32", shape, transposed: false };
    },
  };
}
