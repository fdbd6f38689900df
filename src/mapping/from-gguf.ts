import { madeSource } from "../sources/made-source.ts";
import { ggufParameters } from "../model/names/gguf-names.ts";
import { familyOf } from "../model/families.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import type { Parameter } from "../model/parameter.ts";
import type { ByteSource } from "../tensor/byte-source.ts";
import { decodeValues } from "../tensor/decode.ts";
import { elementCount, rowMajorStrides } from "../tensor/shape.ts";
import type { StoredTensor } from "../tensor/table.ts";
import { joinLatents } from "./gguf-latent.ts";
import { assemblyOf, wholeView, type Assembly } from "./assembly.ts";
import { readAssembly } from "./read-assembly.ts";

/**
 * GGUF's tensors as a family's names have them: norms without the 1 that
 * convert_hf_to_gguf.py adds to Gemma's (`modify_tensors`), vectors of one row as matrices, and two tensors of a latent as one.
 */
export function fromGguf(
  tensors: readonly StoredTensor[],
  config: ModelConfig,
): readonly StoredTensor[] {
  const parameters = ggufParameters(familyOf(config.family), config.layers);
  return joinLatents(tensors, config).map((tensor) => {
    const parameter = parameters.get(tensor.name);
    return parameter === undefined ? tensor : asParameter(tensor, parameter);
  });
}

function asParameter(tensor: StoredTensor, { offset, axes }: Parameter): StoredTensor {
  if (offset === 1 && tensor.dtype === "F32") return lessOne(tensor);
  const [size, ...others] = tensor.shape;
  if (axes[0] === "one" && size !== undefined && others.length === 0)
    return { ...tensor, shape: [1, size], strides: [size, 1] };
  return tensor;
}

/** Its numbers less 1, in float32: what a norm is stored as in the model's own files. */
function lessOne(tensor: StoredTensor): StoredTensor {
  return {
    ...tensor,
    source: shiftedSource(assemblyOf(wholeView(tensor)), tensor.source.label, -1),
    strides: rowMajorStrides(tensor.shape),
    byteOffset: 0,
    byteOrder: "little",
  };
}

/** A small tensor's numbers plus `by`, in float32. */
export function shiftedSource(assembly: Assembly, label: string, by: number): ByteSource {
  const { dtype } = assembly;
  const byteLength = 4 * (elementCount(assembly.shape) ?? 0);
  return madeSource({ label, byteLength }, async (begin, target) => {
    const values = decodeValues(await readAssembly(assembly), dtype) ?? [];
    const bytes = new Uint8Array(Float32Array.from(values, (value) => value + by).buffer);
    target.set(bytes.subarray(begin, begin + target.byteLength));
  });
}
