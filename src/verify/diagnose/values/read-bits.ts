import { readAssembly } from "../../../mapping/read-assembly.ts";
import type { Assembly } from "../../../mapping/assembly.ts";
import type { Dtype } from "../../../tensor/dtype.ts";
import type { Laboratory } from "../../compare/model-runner.ts";
import type { ReadBits } from "../hypotheses/hypothesis.ts";

const HALVES: ReadonlySet<Dtype> = new Set(["F16", "BF16"]);

/** The stored 16-bit elements of a laboratory's parameters. */
export function bitsReader(laboratory: Laboratory): ReadBits {
  return async (name) => {
    const dtype = laboratory.facts(name)?.dtype;
    if (dtype === undefined || !HALVES.has(dtype)) return undefined;
    return halves(await laboratory.readBytes(name));
  };
}

/** The same of tensors that no model was made of. */
export function assemblyBitsReader(tensors: ReadonlyMap<string, Assembly>): ReadBits {
  return async (name) => {
    const assembly = tensors.get(name);
    if (assembly === undefined || !HALVES.has(assembly.dtype)) return undefined;
    return halves(await readAssembly(assembly));
  };
}

function halves(bytes: Uint8Array): Uint16Array {
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2);
}
