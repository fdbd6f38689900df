import { WbError } from "../errors/wb-error.ts";
import { DTYPES } from "../tensor/dtype.ts";
import type { Checkpoint } from "../tensor/table.ts";
import { narrowRows, type Assembly } from "./assembly.ts";
import { canonicalize, type Canonical } from "./canonical.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import { embeddingSize } from "../model/axes.ts";
import { EMBEDDINGS, HEAD } from "../model/network.ts";
import { readAssembly } from "./read-assembly.ts";

/** Bytes of each matrix that are compared at a time. */
const BAND_BYTES = 8 * 2 ** 20;

/**
 * Whether a checkpoint stores a head that is not the embeddings although the configuration ties the two. transformers then
 * uses it (v5.23.0, modeling_utils.py, `tie_weights`). Reads both up to the first difference, unless one storage holds both.
 */
export async function hasOwnHead(checkpoint: Checkpoint, config: ModelConfig): Promise<boolean> {
  if (!config.tieWordEmbeddings) return false;
  const tensors = untied(checkpoint, config)?.tensors;
  const head = tensors?.get(HEAD)?.assembly;
  const embeddings = tensors?.get(EMBEDDINGS)?.assembly;
  if (head === undefined || embeddings === undefined || isSame(head, embeddings)) return false;
  if (head.dtype !== embeddings.dtype) return true;
  const rowBytes = (embeddingSize(config) * DTYPES[head.dtype].bits) / 8;
  const band = Math.max(1, Math.floor(BAND_BYTES / rowBytes));
  for (let row = 0; row < config.vocabSize; row += band) {
    const end = Math.min(config.vocabSize, row + band);
    const [left, right] = await Promise.all(
      [head, embeddings].map((matrix) => readAssembly(narrowRows(matrix, row, end))),
    );
    if (left !== undefined && right !== undefined && Buffer.compare(left, right) !== 0) return true;
  }
  return false;
}

/** What is wrong with the checkpoint is reported where its tensors are needed. */
function untied(checkpoint: Checkpoint, config: ModelConfig): Canonical | undefined {
  try {
    return canonicalize(checkpoint, { ...config, tieWordEmbeddings: false }, {});
  } catch (error) {
    if (error instanceof WbError) return undefined;
    throw error;
  }
}

/** True when two logical tensors are the same windows on the same storages. */
function isSame(left: Assembly, right: Assembly): boolean {
  return (
    left.parts.length === right.parts.length &&
    left.parts.every((part, index) => {
      const other = right.parts[index];
      return (
        other !== undefined &&
        part.tensor.storage === other.tensor.storage &&
        part.tensor.byteOffset === other.tensor.byteOffset &&
        part.elementOffset === other.elementOffset &&
        part.strides.join() === other.strides.join()
      );
    })
  );
}
