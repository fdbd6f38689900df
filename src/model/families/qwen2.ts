import type { ConfigFields } from "../config/fields.ts";
import { readLlamaConfig, unsupported } from "../config/llama-like.ts";
import type { NetworkConfig } from "../config/model-config.ts";
import type { Family } from "../family.ts";
import { llamaNames, ROTARY_BUFFERS } from "../names/llama-names.ts";
import { decoder, gated, grouped } from "../network.ts";
import { STOCK_LLAMA } from "./stock-llama.ts";

const NETWORK = decoder({ block: "llama", attention: grouped({ bias: "qkv" }), mlp: gated });

/**
 * Qwen2 and Qwen2.5: LLaMA's network with biases on queries, keys and values, which no field of config.json tells
 * (transformers v5.23.0, models/qwen2/modeling_qwen2.py).
 */
export const QWEN2: Family = {
  name: "qwen2",
  architectures: ["Qwen2ForCausalLM"],
  modelType: "qwen2",
  readConfig,
  network: NETWORK,
  names: llamaNames(NETWORK, "qwen2."),
  prefixes: ["qwen2", "model"],
  drops: ROTARY_BUFFERS,
  stock: {
    architecture: "Qwen2ForCausalLM",
    modelType: "qwen2",
    fields: (config) => {
      const { attention_bias: _bias, mlp_bias: _mlp, ...fields } = STOCK_LLAMA.fields(config);
      return { ...fields, use_sliding_window: false };
    },
  },
};

function readConfig(config: ConfigFields): NetworkConfig {
  const traits = { attentionBias: true, rotatesWholeCache: false, judged: ["sliding_window"] };
  const network = { ...readLlamaConfig(config, traits), attentionBias: true };
  // sliding_window is written even where it is not used; it is by the layers from max_window_layers on.
  const isUsed = config.flag(false, "use_sliding_window") && config.has("sliding_window");
  if (isUsed && (config.optionalCount("max_window_layers") ?? 28) < network.layers)
    throw unsupported(config.path, "use_sliding_window", true);
  return network;
}
