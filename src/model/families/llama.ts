import { readLlamaConfig } from "../config/llama-like.ts";
import { SOURCE_FAMILY_FIELD } from "../config/model-config.ts";
import type { Family } from "../family.ts";
import {
  BAICHUAN_NAMES,
  LLAMA_DECODER,
  LLAMA_NAMES,
  LLAMA_PREFIXES,
  META_BUFFERS,
  META_NAMES,
  ROTARY_BUFFERS,
  TRAINING_BUFFERS,
  TRAINING_NAMES,
} from "../names/llama-names.ts";
import { GGUF_DROPS, ggufNames } from "../names/gguf-names.ts";
import { STOCK_LLAMA } from "./stock-llama.ts";

/**
 * LLaMA and what has its network: Alpaca, Vicuna, and converted folders of InternLM and Baichuan. Their config.json may stand
 * beside, or be held against, files under the original names, so all of those are known here.
 */
export const LLAMA: Family = {
  name: "llama",
  architectures: ["LlamaForCausalLM", "LLaMAForCausalLM", "LlamaModel"],
  modelType: "llama",
  checkedAgainst: "transformers 5.23, `LlamaForCausalLM`",
  readConfig: (config) =>
    readLlamaConfig(config, {
      attentionBias: false,
      rotatesWholeCache: config.text("", SOURCE_FAMILY_FIELD) === "internlm",
    }),
  network: LLAMA_DECODER,
  names: {
    ...LLAMA_NAMES,
    meta: META_NAMES,
    training: TRAINING_NAMES,
    baichuan: BAICHUAN_NAMES,
    gguf: ggufNames(LLAMA_DECODER, { interleaved: true }),
  },
  prefixes: [...LLAMA_PREFIXES, "internlm", "baichuan"],
  drops: [...ROTARY_BUFFERS, ...META_BUFFERS, ...TRAINING_BUFFERS, ...GGUF_DROPS],
  stock: STOCK_LLAMA,
};
