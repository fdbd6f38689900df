import type { Family } from "../family.ts";
import { DECODER_LAYERS, DECODER_RULES, DECODER_PREFIXES, decoderTensors } from "./decoder.ts";
import { TRAINING_RULES } from "./internlm-training.ts";
import { readLlamaConfig } from "./llama-config.ts";
import { STOCK_LLAMA } from "./stock-llama.ts";

/**
 * InternLM's first generation: LLaMA's network with biases in attention. Its code keeps keys unrotated and turns the whole
 * cache with the table for the current length. Under Hugging Face's and PaddleNLP's names, and those of its own training.
 */
export const INTERNLM: Family = {
  name: "internlm",
  architectures: ["InternLMForCausalLM", "InternLMModel"],
  modelType: "internlm",
  readConfig: (config) => readLlamaConfig(config, { attentionBias: true, rotatesWholeCache: true }),
  expected: decoderTensors,
  prefixes: [...DECODER_PREFIXES, "internlm"],
  layers: [...DECODER_LAYERS, "blocks"],
  rules: [...DECODER_RULES, ...TRAINING_RULES],
  paddlePrefix: "llama.",
  paddleName: (name) => name.replace(/^model\./, "llama."),
  stock: STOCK_LLAMA,
};
