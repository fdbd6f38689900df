import type { ConfigFields } from "../config/fields.ts";
import { readLlamaConfig } from "../config/llama-like.ts";
import type { ModelConfig, NetworkConfig } from "../config/model-config.ts";
import {
  checkPairFactors,
  longRopeMagnitude,
  readRotaryShare,
  ropeSettings,
} from "../config/rope.ts";
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
      ...longRopeFields(config),
      partial_rotary_factor: config.rotaryDims / config.headDim,
      sliding_window: config.window?.size ?? null,
      original_max_position_embeddings:
        config.rope.scaling.kind === "longrope"
          ? config.rope.scaling.originalMaxPositions
          : config.maxPositions,
    }),
  },
};

/** The class's own positions before they were stretched, where config.json does not say. */
const ORIGINAL_POSITIONS = 4096;

function readConfig(written: ConfigFields): NetworkConfig {
  const config = withLongRope(written);
  const network = readLlamaConfig(config, {
    attentionBias: false,
    rotatesWholeCache: false,
    judged: ["sliding_window", "partial_rotary_factor"],
    defaults: { rmsNormEps: 1e-5, maxPositions: 4096 },
  });
  const rotaryDims = readRotaryShare(config, network.headDim, 1);
  checkPairFactors(config, network.rope, rotaryDims);
  const { scaling } = network.rope;
  return {
    ...network,
    rotaryDims,
    // Keys of either table's rotation are not seen together (models/phi3/modeling_phi3.py, `prepare_inputs_for_generation`).
    ...(scaling.kind === "longrope" ? { recomputesAfter: scaling.originalMaxPositions } : {}),
    attentionBias: false,
    mlpBias: false,
    ...readWindow(config, network.layers, config.optionalCount("sliding_window"), () => true),
  };
}

/** With LongRoPE's name for what the first folders call "su" or "yarn" (transformers v5.23.0, models/phi3/configuration_phi3.py). */
function withLongRope(config: ConfigFields): ConfigFields {
  const settings = ropeSettings(config);
  const type = settings?.find("rope_type", "type");
  const original = config.optionalCount(ORIGINAL) ?? ORIGINAL_POSITIONS;
  if (settings === undefined || (type !== "su" && type !== "yarn" && type !== "longrope"))
    return config;
  const scaling = { ...settings.raw, rope_type: "longrope" };
  return config.with("rope_scaling", scaling).with(ORIGINAL, original);
}

const ORIGINAL = "original_max_position_embeddings";

/** transformers 4 takes three fields and no more; the factor on cos and sin follows from both numbers of positions. */
function longRopeFields({ rope, maxPositions }: ModelConfig): Readonly<Record<string, unknown>> {
  const { scaling } = rope;
  if (scaling.kind !== "longrope") return {};
  const { short, long, originalMaxPositions: original, attentionFactor } = scaling;
  const isUsual = attentionFactor === longRopeMagnitude(maxPositions / original, original);
  return {
    rope_scaling: {
      type: "longrope",
      short_factor: short,
      long_factor: long,
      ...(isUsual ? {} : { attention_factor: attentionFactor }),
    },
  };
}
