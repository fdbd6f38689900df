import { readLlamaConfig } from "../config/llama-like.ts";
import type { Family } from "../family.ts";
import { ggufNames } from "../names/gguf-names.ts";
import {
  INTERNLM2_NAMES,
  LLAMA_DECODER,
  LLAMA_NAMES,
  LLAMA_PREFIXES,
  ROTARY_BUFFERS,
} from "../names/llama-names.ts";
import { STOCK_LLAMA } from "./stock-llama.ts";

/**
 * InternLM2 and 2.5: LLaMA's network under names of its own, with queries, keys and values in one Linear that goes by
 * key-value head (modeling_internlm2.py of the published folders). Its keys are cached rotated, unlike InternLM's.
 */
export const INTERNLM2: Family = {
  name: "internlm2",
  architectures: ["InternLM2ForCausalLM"],
  modelType: "internlm2",
  checkedAgainst: "transformers 5.23, `LlamaForCausalLM`",
  readConfig: (config) =>
    readLlamaConfig(config, { attentionBias: true, rotatesWholeCache: false }),
  network: LLAMA_DECODER,
  names: {
    ...LLAMA_NAMES,
    authors: INTERNLM2_NAMES,
    gguf: ggufNames(LLAMA_DECODER, { interleaved: true }),
  },
  prefixes: [...LLAMA_PREFIXES, "internlm2"],
  drops: ROTARY_BUFFERS,
  stock: STOCK_LLAMA,
};
