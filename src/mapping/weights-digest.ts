import { createHash } from "node:crypto";
import type { QuantisedType } from "../formats/gguf/quantise.ts";
import type { Dtype } from "../tensor/dtype.ts";

/** A tensor's facts and the SHA-256 of its little-endian row-major bytes. */
export interface TensorDigest {
  /** Or GGUF's name of a quantised type. */
  readonly dtype: Dtype | QuantisedType;
  readonly shape: readonly number[];
  readonly sha256: string;
}

/**
 * One digest for all weights, whatever file they are in: SHA-256 over a line `name dtype d0,d1 sha256` for each tensor, sorted
 * by the names' UTF-16 units. It stands in the manifest and in goldens.
 */
export function weightsDigest(tensors: ReadonlyMap<string, TensorDigest>): string {
  const hash = createHash("sha256");
  for (const name of [...tensors.keys()].sort()) {
    const tensor = tensors.get(name);
    if (tensor !== undefined)
      hash.update(`${name} ${tensor.dtype} ${tensor.shape.join(",")} ${tensor.sha256}\n`);
  }
  return hash.digest("hex");
}
