import type { ConfigFields } from "../config/fields.ts";
import { readLlamaConfig } from "../config/llama-like.ts";
import type { NetworkConfig } from "../config/model-config.ts";
import type { Family } from "../family.ts";
import { ggufNames } from "../names/gguf-names.ts";
import { llamaNames, ROTARY_BUFFERS } from "../names/llama-names.ts";
import { decoder, gated, grouped } from "../network.ts";
import { qwenFields, readQwenWindow } from "./qwen2.ts";

const NETWORK = decoder({
  block: "qwen3",
  attention: grouped({ bias: "qkvo", headNorms: true }),
  mlp: gated,
});

/**
 * Qwen3: LLaMA's network with a norm on each head of queries and keys before the rotary, and heads wider than hidden / heads
 * (transformers v5.23.0, models/qwen3/modeling_qwen3.py).
 */
export const QWEN3: Family = {
  name: "qwen3",
  architectures: ["Qwen3ForCausalLM"],
  modelType: "qwen3",
  checkedAgainst: "transformers 5.23, `Qwen3ForCausalLM`",
  readConfig,
  network: NETWORK,
  names: { ...llamaNames(NETWORK, "qwen3."), gguf: ggufNames(NETWORK) },
  paddleWriter: "paddleformers",
  prefixes: ["qwen3", "model"],
  drops: ROTARY_BUFFERS,
  stock: {
    architecture: "Qwen3ForCausalLM",
    modelType: "qwen3",
    fields: (config) => ({ attention_bias: config.attentionBias, ...qwenFields(config) }),
  },
};

function readConfig(config: ConfigFields): NetworkConfig {
  const network = readLlamaConfig(config, {
    attentionBias: false,
    rotatesWholeCache: false,
    judged: ["sliding_window"],
    defaults: { headDim: 128, maxPositions: 32_768 },
  });
  return { ...network, mlpBias: false, ...readQwenWindow(config, network.layers) };
}
