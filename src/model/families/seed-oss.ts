import type { ConfigFields } from "../config/fields.ts";
import { readLlamaConfig } from "../config/llama-like.ts";
import type { NetworkConfig } from "../config/model-config.ts";
import type { Family } from "../family.ts";
import { ggufNames } from "../names/gguf-names.ts";
import { llamaNames, ROTARY_BUFFERS } from "../names/llama-names.ts";
import { decoder, gated, grouped } from "../network.ts";
import { llamaFields } from "./stock-llama.ts";

const NETWORK = decoder({ block: "llama", attention: grouped({ bias: "qkv, o" }), mlp: gated });

/**
 * Seed-OSS: LLaMA's network with a switch of its own for the output's bias (transformers v5.23.0,
 * models/seed_oss/modeling_seed_oss.py). No program of Paddle's has a class for it: it gets Hugging Face's names there.
 */
export const SEED_OSS: Family = {
  name: "seed_oss",
  architectures: ["SeedOssForCausalLM"],
  modelType: "seed_oss",
  checkedAgainst: "transformers 5.23, `SeedOssForCausalLM`",
  readConfig,
  network: NETWORK,
  names: {
    ...llamaNames(NETWORK, "seed_oss."),
    gguf: ggufNames(NETWORK, { rows: [".post_attention_layernorm | .post_attention_norm"] }),
  },
  paddleWriter: "paddleformers",
  prefixes: ["seed_oss", "model"],
  drops: ROTARY_BUFFERS,
  stock: {
    architecture: "SeedOssForCausalLM",
    modelType: "seed_oss",
    fields: (config) => ({
      attention_bias: config.attentionBias,
      attention_out_bias: config.outputBias === true,
      mlp_bias: config.mlpBias,
      ...llamaFields(config),
    }),
  },
};

function readConfig(config: ConfigFields): NetworkConfig {
  const network = readLlamaConfig(config, {
    attentionBias: true,
    rotatesWholeCache: false,
    defaults: { kvHeads: 8, headDim: 128, maxPositions: 524_288 },
  });
  return { ...network, outputBias: config.flag(false, "attention_out_bias") };
}
