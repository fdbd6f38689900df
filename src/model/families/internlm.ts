import { readLlamaConfig } from "../config/llama-like.ts";
import type { Family } from "../family.ts";
import { ggufNames } from "../names/gguf-names.ts";
import {
  LLAMA_DECODER,
  LLAMA_NAMES,
  LLAMA_PREFIXES,
  ROTARY_BUFFERS,
  TRAINING_BUFFERS,
  TRAINING_NAMES,
} from "../names/llama-names.ts";
import { STOCK_LLAMA } from "./stock-llama.ts";

/**
 * InternLM's first generation: LLaMA's network with biases in attention. Its code keeps keys unrotated and rotates the whole
 * cache with the table for the current length. Under Hugging Face's and PaddleNLP's names, and those of its own training.
 */
export const INTERNLM: Family = {
  name: "internlm",
  architectures: ["InternLMForCausalLM", "InternLMModel"],
  modelType: "internlm",
  checkedAgainst: "InternLM's own modeling code",
  readConfig: (config) => readLlamaConfig(config, { attentionBias: true, rotatesWholeCache: true }),
  network: LLAMA_DECODER,
  names: {
    ...LLAMA_NAMES,
    training: TRAINING_NAMES,
    gguf: ggufNames(LLAMA_DECODER, { interleaved: true }),
  },
  prefixes: [...LLAMA_PREFIXES, "internlm"],
  drops: [...ROTARY_BUFFERS, ...TRAINING_BUFFERS],
  stock: STOCK_LLAMA,
};
