import type { ConfigFields } from "../config/fields.ts";
import { readLlamaConfig } from "../config/llama-like.ts";
import type { NetworkConfig } from "../config/model-config.ts";
import { readWindow } from "../config/window.ts";
import type { Family } from "../family.ts";
import { ggufNames } from "../names/gguf-names.ts";
import { LLAMA_DECODER, llamaNames, ROTARY_BUFFERS } from "../names/llama-names.ts";
import { llamaFields } from "./stock-llama.ts";

/**
 * Mistral: LLaMA's network without biases, grouped heads, and in the first release a window of 4096 keys in every layer
 * (transformers v5.23.0, models/mistral/modeling_mistral.py). PaddleNLP's class takes no notice of the window.
 */
export const MISTRAL: Family = {
  name: "mistral",
  architectures: ["MistralForCausalLM"],
  modelType: "mistral",
  checkedAgainst: "transformers 5.23, `MistralForCausalLM`",
  readConfig,
  network: LLAMA_DECODER,
  names: {
    ...llamaNames(LLAMA_DECODER, "mistral."),
    gguf: ggufNames(LLAMA_DECODER, { interleaved: true }),
  },
  prefixes: ["mistral", "model"],
  drops: ROTARY_BUFFERS,
  stock: {
    architecture: "MistralForCausalLM",
    modelType: "mistral",
    fields: (config) => ({
      ...llamaFields(config),
      sliding_window: config.window?.size ?? null,
    }),
  },
};

function readConfig(config: ConfigFields): NetworkConfig {
  const network = readLlamaConfig(config, {
    attentionBias: false,
    rotatesWholeCache: false,
    judged: ["sliding_window"],
    defaults: { kvHeads: 8, maxPositions: 131_072 },
  });
  const size =
    "sliding_window" in config.raw ? config.optionalCount("sliding_window") : DEFAULT_WINDOW;
  return {
    ...network,
    attentionBias: false,
    mlpBias: false,
    ...readWindow(config, network.layers, size, () => true),
  };
}

/** The class's own where config.json does not say; later releases write null. */
const DEFAULT_WINDOW = 4096;
