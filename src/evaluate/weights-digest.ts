import { createHash } from "node:crypto";
import type { ModelConfig } from "../model/config/model-config.ts";
import { expectedTensors } from "../model/tensors.ts";
import type { WeightSource } from "../runtime/model/weights.ts";

/** A digest of a model's config and of the weights' vectors, whose bytes differ between versions of a model and are read in no time. */
export async function weightsDigest(config: ModelConfig, weights: WeightSource): Promise<string> {
  const hash = createHash("sha256");
  hash.update(JSON.stringify(config));
  for (const { name, shape } of expectedTensors(config)) {
    hash.update(name);
    if (shape.length === 1) hash.update((await weights.read(name)).bytes);
  }
  return hash.digest("hex");
}
