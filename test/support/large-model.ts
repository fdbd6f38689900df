import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeSafetensors, type TensorToWrite } from "../../src/formats/safetensors/save.ts";

/** Bytes of one tensor: large enough that a conversion of all takes long enough to be stopped in its midst. */
const TENSOR_BYTES = 1_600_000;
const TENSORS = 24;

/** A folder of weights that are no model: they are taken as stored. */
export async function writeLargeModel(folder: string): Promise<void> {
  mkdirSync(folder);
  const tensors = Array.from({ length: TENSORS }, (_unused, index): TensorToWrite => {
    const bytes = new Uint8Array(TENSOR_BYTES);
    for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 31 + index * 7) & 0xff;
    return { name: `tensor.${index}`, dtype: "F16", shape: [TENSOR_BYTES / 2], bytes };
  });
  await writeSafetensors(join(folder, "model.safetensors"), tensors, new Map());
  writeFileSync(join(folder, "README.txt"), "drawn");
}
