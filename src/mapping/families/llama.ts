import type { Family } from "../family.ts";
import { SOURCE_FAMILY_FIELD } from "../../model/config/model-config.ts";
import { DECODER_LAYERS, DECODER_RULES, DECODER_PREFIXES, decoderTensors } from "./decoder.ts";
import { TRAINING_RULES } from "./internlm-training.ts";
import { readLlamaConfig } from "./llama-config.ts";
import { META_RULES } from "./meta-names.ts";
import { stackedQkvRules, W_PACK } from "./stacked-qkv.ts";
import { STOCK_LLAMA } from "./stock-llama.ts";

/**
 * LLaMA and what has its network: Alpaca, Vicuna, and converted folders of InternLM and Baichuan. Their config.json may lie
 * beside, or be held against, files under the original names, so all of those are known here.
 */
export const LLAMA: Family = {
  name: "llama",
  architectures: ["LlamaForCausalLM", "LLaMAForCausalLM", "LlamaModel"],
  modelType: "llama",
  readConfig: (config) =>
    readLlamaConfig(config, {
      attentionBias: false,
      rotatesWholeCache: config.text("", SOURCE_FAMILY_FIELD) === "internlm",
    }),
  expected: decoderTensors,
  prefixes: [...DECODER_PREFIXES, "internlm", "baichuan"],
  layers: [...DECODER_LAYERS, "blocks"],
  rules: [...DECODER_RULES, ...META_RULES, ...TRAINING_RULES, ...stackedQkvRules(W_PACK)],
  paddlePrefix: "llama.",
  paddleName: (name) => name.replace(/^model\./, "llama."),
  stock: STOCK_LLAMA,
};
