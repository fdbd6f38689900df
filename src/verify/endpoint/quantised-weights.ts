import { BLOCK_TYPES } from "../../formats/gguf/block-types.ts";
import {
  BLOCK,
  quantise,
  QUANTISED_TYPES,
  type QuantisedType,
} from "../../formats/gguf/quantise.ts";
import { parameterOf } from "../../model/canonical-names.ts";
import type { HostTensor, Laboratory, Override } from "../compare/model-runner.ts";

/** The types that a server's weights are held against. */
export const TRIED_TYPES = ["Q8_0", "Q4_0"] as const satisfies readonly QuantisedType[];

/**
 * The model with its matrices rounded as a GGUF file of that type has them: vectors and routers stay, tables and the head are
 * Q8_0 at the coarsest, as `convert --quantize` and llama.cpp keep them.
 */
export function quantisedAs(type: QuantisedType, laboratory: Laboratory): Override {
  return (name) => {
    const shape = laboratory.facts(name)?.shape ?? [];
    const kind = parameterOf(name, laboratory.config)?.class;
    if (kind === undefined || kind === "vector" || kind === "router" || shape.length < 2)
      return undefined;
    if ((shape.at(-1) ?? 0) % BLOCK !== 0) return undefined;
    const own = kind === "table" || kind === "head" ? "Q8_0" : type;
    return async (rows) => rounded(await laboratory.read(name, rows), own, name);
  };
}

/** Values as they come back from blocks of that type. @throws WbError WB4513 for values that are not finite. */
function rounded({ shape, data }: HostTensor, type: QuantisedType, name: string): HostTensor {
  const { code, bytes: size } = QUANTISED_TYPES[type];
  const bytes = quantise(data, type, name);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const back = new Float32Array(data.length);
  const decode = BLOCK_TYPES.get(code)?.decode;
  for (let block = 0; block * BLOCK < data.length; block++)
    decode?.(view, block * size, back, block * BLOCK);
  return { shape, data: back };
}
