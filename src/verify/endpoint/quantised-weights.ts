import { BLOCK_TYPES } from "../../formats/gguf/block-types.ts";
import { quantise, QUANTISED_TYPES, type QuantisedType } from "../../formats/gguf/quantise.ts";
import { mixtureType, type Mixture } from "../../mapping/gguf-mixture.ts";
import { parameterOf } from "../../model/canonical-names.ts";
import { tiedHead } from "../../model/tensors.ts";
import type { HostTensor, Laboratory, Override } from "../compare/model-runner.ts";

/** The types that a server's weights are held against. */
export const TRIED_TYPES = ["Q8_0", "Q4_0"] as const satisfies readonly Mixture[];

/**
 * The model with its matrices rounded as a GGUF file of that type has them: vectors and routers stay, and the head has a type of its own, as
 * `convert --quantize` and llama.cpp keep them.
 */
export function quantisedAs(mixture: Mixture, laboratory: Laboratory): Override {
  return (name) => {
    const shape = laboratory.facts(name)?.shape ?? [];
    const parameter = parameterOf(name, laboratory.config);
    if (parameter === undefined || shape.length < 2) return undefined;
    const { class: kind, role } = parameter;
    if (kind === "vector" || kind === "router") return undefined;
    // Neither type depends on the layer.
    const matrix = { class: kind, shape, roles: [role], layer: -1 };
    const isTied = tiedHead(laboratory.config) !== undefined;
    const own = mixtureType(matrix, mixture, { config: laboratory.config, isTied });
    if (own === "F16") return undefined;
    return async (rows) => rounded(await laboratory.read(name, rows), own, name);
  };
}

/** Values as they come back from blocks of that type. @throws WbError WB4513 for values that are not finite. */
function rounded({ shape, data }: HostTensor, type: QuantisedType, name: string): HostTensor {
  const { code, bytes: size, elements } = QUANTISED_TYPES[type];
  const bytes = quantise(data, type, name);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const back = new Float32Array(data.length);
  const decode = BLOCK_TYPES.get(code)?.decode;
  for (let block = 0; block * elements < data.length; block++)
    decode?.(view, block * size, back, block * elements);
  return { shape, data: back };
}
