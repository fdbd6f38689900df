import type { ConfigFields } from "../config/fields.ts";
import { readExperts } from "../config/experts.ts";
import { readLlamaConfig } from "../config/llama-like.ts";
import type { ModelConfig, NetworkConfig } from "../config/model-config.ts";
import { layerTypes, readWindow } from "../config/window.ts";
import type { Family } from "../family.ts";
import { ggufNames } from "../names/gguf-names.ts";
import { ROTARY_BUFFERS } from "../names/llama-names.ts";
import { naming, paddleformers, paddlenlp, STACKED_EXPERTS } from "../names/naming.ts";
import { sparse } from "../experts-network.ts";
import { decoder, grouped, type Network } from "../network.ts";
import { llamaFields } from "./stock-llama.ts";

const NETWORK2 = decoder({
  block: "experts",
  attention: grouped({ bias: "qkv" }),
  mlp: sparse({ shared: "gated" }),
});

/** Qwen1.5-MoE and Qwen2-57B-A14B (transformers v5.23.0, models/qwen2_moe/modeling_qwen2_moe.py). */
export const QWEN2_MOE: Family = {
  name: "qwen2_moe",
  architectures: ["Qwen2MoeForCausalLM"],
  modelType: "qwen2_moe",
  checkedAgainst: "transformers 5.23, `Qwen2MoeForCausalLM`",
  readConfig: readQwen2Moe,
  network: NETWORK2,
  names: namesOf(NETWORK2, "qwen2_moe."),
  prefixes: ["qwen2_moe", "model"],
  drops: ROTARY_BUFFERS,
  stock: {
    architecture: "Qwen2MoeForCausalLM",
    modelType: "qwen2_moe",
    fields: (config) => ({
      ...moeFields(config),
      qkv_bias: config.attentionBias,
      ...(config.window === undefined ? {} : layerTypes(config.window, config.layers)),
      shared_expert_intermediate_size: config.experts?.sharedSize,
    }),
  },
};

const NETWORK3 = decoder({
  block: "experts",
  attention: grouped({ bias: "qkvo", headNorms: true }),
  mlp: sparse({}),
});

/** Qwen3-30B-A3B and its kin (transformers v5.23.0, models/qwen3_moe/modeling_qwen3_moe.py). */
export const QWEN3_MOE: Family = {
  name: "qwen3_moe",
  architectures: ["Qwen3MoeForCausalLM"],
  modelType: "qwen3_moe",
  checkedAgainst: "transformers 5.23, `Qwen3MoeForCausalLM`",
  readConfig: readQwen3Moe,
  network: NETWORK3,
  names: namesOf(NETWORK3, "qwen3_moe."),
  paddleWriter: "paddleformers",
  prefixes: ["qwen3_moe", "model"],
  drops: ROTARY_BUFFERS,
  stock: {
    architecture: "Qwen3MoeForCausalLM",
    modelType: "qwen3_moe",
    fields: (config) => ({ attention_bias: config.attentionBias, ...moeFields(config) }),
  },
};

function namesOf(network: Network, prefix: string): Family["names"] {
  return {
    huggingface: naming(network),
    transformersStacked: naming(network, { rows: STACKED_EXPERTS }),
    paddlenlp: paddlenlp(network, { prefix }),
    paddleformers: paddleformers(network),
    gguf: ggufNames(network),
  };
}

function readQwen2Moe(config: ConfigFields): NetworkConfig {
  const network = readShared(config, { maxPositions: 32_768 });
  const usual = { count: 60, perToken: 4, size: 1408, isNormalised: false };
  const sharedSize = config.optionalCount("shared_expert_intermediate_size") ?? 5632;
  return {
    ...network,
    attentionBias: config.flag(true, "qkv_bias"),
    experts: { ...readExperts(config, network.layers, usual), sharedSize },
    ...readWindow(config, network.layers, windowSize(config), alternates(config)),
  };
}

function readQwen3Moe(config: ConfigFields): NetworkConfig {
  const network = readShared(config, { kvHeads: 4, maxPositions: 32_768 });
  const usual = { count: 128, perToken: 8, size: 768, isNormalised: false };
  return {
    ...network,
    experts: readExperts(config, network.layers, usual),
    // This class has it in every layer, whatever `layer_types` says.
    ...readWindow(config.without("layer_types"), network.layers, windowSize(config), () => true),
  };
}

/** Nothing where it is not used. */
function windowSize(config: ConfigFields): number | undefined {
  return config.flag(false, "use_sliding_window")
    ? (config.optionalCount("sliding_window") ?? 4096)
    : undefined;
}

/** Every other layer, from the first on, up to `max_window_layers` (transformers v5.23.0, models/qwen2_moe/configuration_qwen2_moe.py). */
function alternates(config: ConfigFields): (layer: number) => boolean {
  const end = config.find("max_window_layers") ?? 28;
  if (typeof end !== "number") throw config.problem("max_window_layers", "a number", end);
  return (layer) => layer % 2 === 0 && layer < end;
}

function readShared(
  config: ConfigFields,
  defaults: { readonly kvHeads?: number; readonly maxPositions: number },
): NetworkConfig {
  const network = readLlamaConfig(config, {
    attentionBias: false,
    rotatesWholeCache: false,
    judged: ["sliding_window"],
    defaults,
  });
  return { ...network, mlpBias: false };
}

function moeFields(config: ModelConfig): Readonly<Record<string, unknown>> {
  const { experts } = config;
  return {
    ...llamaFields(config),
    use_sliding_window: config.window !== undefined,
    ...(config.window === undefined ? {} : { sliding_window: config.window.size }),
    num_experts: experts?.count,
    num_experts_per_tok: experts?.perToken,
    moe_intermediate_size: experts?.size,
    norm_topk_prob: experts?.isNormalised,
    decoder_sparse_step: 1,
    mlp_only_layers: (experts?.layers ?? []).flatMap((isSparse, layer) =>
      isSparse ? [] : [layer],
    ),
  };
}
