import type { ConfigFields } from "../config/fields.ts";
import { readLlamaConfig } from "../config/llama-like.ts";
import type { NetworkConfig } from "../config/model-config.ts";
import { readRotaryShare } from "../config/rope.ts";
import {
  PREDICTING_PARTS,
  readPredictingLayers,
  readRoutedExperts,
  routedFields,
} from "../config/routed-experts.ts";
import type { Family } from "../family.ts";
import { GGUF_PREDICTING_PARTS, ggufCorrection, ggufNames } from "../names/gguf-names.ts";
import { ROTARY_BUFFERS } from "../names/llama-names.ts";
import { naming, STACKED_EXPERTS } from "../names/naming.ts";
import { CORRECTION, sparse } from "../experts-network.ts";
import { decoder, grouped } from "../network.ts";
import { llamaFields } from "./stock-llama.ts";

const NETWORK = decoder({
  block: "experts",
  attention: grouped({ bias: "qkv", headNorms: "optional" }),
  mlp: sparse({
    shared: "plain",
    correction: { name: CORRECTION, axes: ["experts"], class: "vector" },
  }),
});

/**
 * GLM-4.5 and 4.6: dense layers first, then experts chosen as DeepSeek-V3's (transformers v5.23.0,
 * models/glm4_moe/modeling_glm4_moe.py). PaddleFormers stores its routers as torch does, unlike every other Linear (v0.4.1,
 * transformers/glm4_moe/modeling.py, `transpose_weight_keys`).
 */
export const GLM4_MOE: Family = {
  name: "glm4_moe",
  architectures: ["Glm4MoeForCausalLM"],
  modelType: "glm4_moe",
  checkedAgainst: "transformers 5.23, `Glm4MoeForCausalLM`",
  readConfig,
  network: NETWORK,
  names: {
    huggingface: naming(NETWORK),
    transformersStacked: naming(NETWORK, { rows: STACKED_EXPERTS }),
    paddleformers: naming(NETWORK, { transposed: ["linear"] }),
    gguf: ggufNames(NETWORK, {
      rows: [ggufCorrection(CORRECTION), ".post_attention_layernorm | .post_attention_norm"],
    }),
  },
  paddleWriter: "paddleformers",
  prefixes: ["model"],
  drops: [...ROTARY_BUFFERS, ...PREDICTING_PARTS, ...GGUF_PREDICTING_PARTS],
  stock: {
    architecture: "Glm4MoeForCausalLM",
    modelType: "glm4_moe",
    fields: (config) => ({
      ...llamaFields(config),
      attention_bias: config.attentionBias,
      use_qk_norm: config.headNorms === true,
      partial_rotary_factor: config.rotaryDims / config.headDim,
      ...routedFields(config.experts),
    }),
  },
};

function readConfig(config: ConfigFields): NetworkConfig {
  const network = readLlamaConfig(config, {
    attentionBias: false,
    rotatesWholeCache: false,
    judged: ["partial_rotary_factor"],
    defaults: { kvHeads: 8, rmsNormEps: 1e-5, maxPositions: 131_072 },
  });
  return {
    ...network,
    rotaryDims: readRotaryShare(config, network.headDim, 0.5),
    headNorms: config.flag(false, "use_qk_norm"),
    mlpBias: false,
    experts: readRoutedExperts(config, network.layers, {
      count: 128,
      perToken: 8,
      size: 1408,
      shared: 1,
      denseLayers: 1,
      scale: 1,
      scoring: "sigmoid",
      isNormalised: true,
      groups: { count: 1, perToken: 1 },
      groupScore: "bestTwo",
    }),
    ...readPredictingLayers(config),
  };
}
