import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ModelConfig } from "../../src/model/config/model-config.ts";
import { parseModelConfig } from "../../src/model/config/parse.ts";
import type { Backend } from "../../src/runtime/backends/backend.ts";
import { Decoder } from "../../src/runtime/model/decoder.ts";
import type { Residence } from "../../src/runtime/model/weight-store.ts";
import { drawnWeights } from "./drawn-weights.ts";
import type { StoredDtype } from "./exact-numbers.ts";
import { FIXTURES } from "./fixture-manifest.ts";

/** A fixture of each family, and of what makes one's equations differ: grouped heads, biases, rotary scaling, windows, caps, a tied head. */
export const BIT_FAMILIES = [
  "internlm-tiny",
  "pytorch-gqa",
  "safetensors-ntk",
  "baichuan",
  "llama-bias",
  "llama-dynamic",
  "llama-tied",
  "chatglm2",
  "glm",
  "qwen2-window",
  "qwen3",
  "mistral",
  "ernie4_5",
  "phi3",
  "glm4",
  "gemma",
  "gemma2",
  "gemma3",
  "mixtral",
  "qwen2_moe",
  "qwen3_moe",
  "ernie4_5_moe",
  "glm4_moe",
  "glm4_moe-groups",
  "deepseek_v2",
  "deepseek_v2-yarn",
  "deepseek_v3",
  "gpt2",
  "opt",
  "bloom",
] as const;

export async function familyConfig(name: string): Promise<ModelConfig> {
  const path = join(FIXTURES, name, "config.json");
  return parseModelConfig(await readFile(path, "utf8"), path);
}

/** A model of drawn weights. */
export function drawnDecoder(
  backend: Backend,
  config: ModelConfig,
  dtype: StoredDtype,
  residence: Residence = "resident",
): Decoder {
  return new Decoder(backend, config, drawnWeights(config, dtype), residence);
}

/** Texts of several lengths within the context, beyond which dynamic NTK rotates by the length of the whole text. */
export function someTexts({
  vocabSize,
  maxPositions,
}: ModelConfig): readonly (readonly number[])[] {
  return [5, 13, 27].map((length, text) =>
    Array.from(
      { length: Math.min(length, maxPositions) },
      (_, index) => 1 + ((31 * index + 17 * text + index * index) % (vocabSize - 1)),
    ),
  );
}
