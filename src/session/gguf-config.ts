import { WbError } from "../errors/wb-error.ts";
import { assemblyOf, wholeView } from "../mapping/assembly.ts";
import { readAssembly } from "../mapping/read-assembly.ts";
import type { RawConfig } from "../model/config/fields.ts";
import { ggufConfig } from "../model/config/gguf.ts";
import { ROPE_FACTORS } from "../model/config/gguf-rope.ts";
import { decodeValues } from "../tensor/decode.ts";
import { elementCount, renderShape } from "../tensor/shape.ts";
import type { Checkpoint, StoredTensor } from "../tensor/table.ts";

/** Rotary factors of one model at most: a head has a few hundred dimensions. */
const MAX_FACTORS = 65_536;

/** What a GGUF file says of its model, as config.json says it. @throws WbError WB3701, WB4702, WB3512. */
export async function readGgufConfig({
  path,
  metadata,
  tensors,
}: Pick<Checkpoint, "path" | "metadata" | "tensors">): Promise<RawConfig> {
  const stored = tensors.find(({ name }) => name === ROPE_FACTORS);
  const factors = stored === undefined ? undefined : await factorsOf(stored, path);
  return ggufConfig(metadata, tensors, factors, path);
}

async function factorsOf(tensor: StoredTensor, path: string): Promise<readonly number[]> {
  const { dtype, shape } = tensor;
  const count = elementCount(shape) ?? Number.POSITIVE_INFINITY;
  if (dtype !== "F32" || count > MAX_FACTORS)
    throw new WbError(
      "WB3512",
      `${path}: ${tensor.name}: expected a few float32 numbers, found ${dtype} ${renderShape(shape)}`,
      { details: { path, tensor: tensor.name } },
    );
  return [...(decodeValues(await readAssembly(assemblyOf(wholeView(tensor))), dtype) ?? [])];
}
