import type { ConfigFields } from "../config/fields.ts";
import { readLlamaConfig } from "../config/llama-like.ts";
import type { NetworkConfig } from "../config/model-config.ts";
import { readRotaryShare } from "../config/rope.ts";
import { readWindow } from "../config/window.ts";
import type { Family } from "../family.ts";
import { GGUF_FUSED_ROWS, ggufNames } from "../names/gguf-names.ts";
import { LLAMA_DECODER, ROTARY_BUFFERS } from "../names/llama-names.ts";
import { naming, paddleformers } from "../names/naming.ts";
import { llamaFields } from "./stock-llama.ts";

/** All queries, then all keys, then all values; gate, then up. */
const FUSED_ROWS = [
  ".self_attn.q_proj, .self_attn.k_proj, .self_attn.v_proj | .self_attn.qkv_proj | concatenate",
  ".mlp.gate_proj.weight, .mlp.up_proj.weight | .mlp.gate_up_proj.weight | concatenate",
];

/**
 * Phi-3, 3.5 and 4-mini: LLaMA's network without biases, with one Linear for queries, keys and values and one for gate and up;
 * Phi-4-mini rotates a part of each head (transformers v5.23.0, models/phi3/modeling_phi3.py).
 */
export const PHI3: Family = {
  name: "phi3",
  architectures: ["Phi3ForCausalLM"],
  modelType: "phi3",
  checkedAgainst: "transformers 5.23, `Phi3ForCausalLM`",
  readConfig,
  network: LLAMA_DECODER,
  names: {
    huggingface: naming(LLAMA_DECODER, { rows: FUSED_ROWS }),
    paddleformers: paddleformers(LLAMA_DECODER, { rows: FUSED_ROWS }),
    gguf: ggufNames(LLAMA_DECODER, { rows: GGUF_FUSED_ROWS }),
    /** Nobody's, but what weights are called that were taken apart. */
    apart: naming(LLAMA_DECODER),
  },
  paddleWriter: "paddleformers",
  prefixes: ["model"],
  drops: ROTARY_BUFFERS,
  stock: {
    architecture: "Phi3ForCausalLM",
    modelType: "phi3",
    fields: (config) => ({
      ...llamaFields(config),
      partial_rotary_factor: config.rotaryDims / config.headDim,
      sliding_window: config.window?.size ?? null,
      original_max_position_embeddings: config.maxPositions,
    }),
  },
};

function readConfig(config: ConfigFields): NetworkConfig {
  const network = readLlamaConfig(config, {
    attentionBias: false,
    rotatesWholeCache: false,
    judged: ["sliding_window", "partial_rotary_factor"],
    defaults: { rmsNormEps: 1e-5, maxPositions: 4096 },
  });
  return {
    ...network,
    rotaryDims: readRotaryShare(config, network.headDim, 1),
    attentionBias: false,
    mlpBias: false,
    ...readWindow(config, network.layers, config.optionalCount("sliding_window"), () => true),
  };
}
