import type { ConfigFields } from "../config/fields.ts";
import { readLlamaConfig } from "../config/llama-like.ts";
import { unsupported } from "../config/unsupported.ts";
import type { LatentConfig, ModelConfig, NetworkConfig } from "../config/model-config.ts";
import { ropeSettings, yarnMagnitude, type RopeScaling } from "../config/rope.ts";
import {
  PREDICTING_PARTS,
  readPredictingLayers,
  readRoutedExperts,
  routedFields,
} from "../config/routed-experts.ts";
import { isRecord } from "../config/fields.ts";
import { CORRECTION, sparse } from "../experts-network.ts";
import type { Family } from "../family.ts";
import { latentAttention } from "../latent-network.ts";
import { GGUF_PREDICTING_PARTS, ggufCorrection, ggufNames } from "../names/gguf-names.ts";
import { ROTARY_BUFFERS } from "../names/llama-names.ts";
import { naming, paddleformers, paddlenlp, STACKED_EXPERTS } from "../names/naming.ts";
import { decoder, type Network } from "../network.ts";
import { llamaFields } from "./stock-llama.ts";

const NETWORK2 = decoder({
  block: "latent",
  attention: latentAttention,
  mlp: sparse({ shared: "plain" }),
});

const NETWORK3 = decoder({
  block: "latent",
  attention: latentAttention,
  mlp: sparse({
    shared: "plain",
    correction: { name: CORRECTION, axes: ["experts"], class: "vector" },
  }),
});

/** DeepSeek-V2 and its Lite (transformers v5.23.0, models/deepseek_v2/modeling_deepseek_v2.py). */
export const DEEPSEEK_V2: Family = {
  name: "deepseek_v2",
  architectures: ["DeepseekV2ForCausalLM"],
  modelType: "deepseek_v2",
  checkedAgainst: "transformers 5.23, `DeepseekV2ForCausalLM`",
  readConfig: readV2,
  network: NETWORK2,
  names: namesOf(NETWORK2, "deepseek_v2."),
  prefixes: ["deepseek_v2", "model"],
  drops: [...ROTARY_BUFFERS, ...PREDICTING_PARTS, ...GGUF_PREDICTING_PARTS],
  stock: {
    architecture: "DeepseekV2ForCausalLM",
    modelType: "deepseek_v2",
    fields: (config) => ({
      ...latentFields(config),
      topk_method: config.experts?.groups === undefined ? "greedy" : "group_limited_greedy",
    }),
  },
};

/** DeepSeek-V3 and R1 (transformers v5.23.0, models/deepseek_v3/modeling_deepseek_v3.py). */
export const DEEPSEEK_V3: Family = {
  name: "deepseek_v3",
  architectures: ["DeepseekV3ForCausalLM"],
  modelType: "deepseek_v3",
  checkedAgainst: "transformers 5.23, `DeepseekV3ForCausalLM`",
  readConfig: readV3,
  network: NETWORK3,
  names: namesOf(NETWORK3, "deepseek_v3.", [ggufCorrection(CORRECTION)]),
  prefixes: ["deepseek_v3", "model"],
  drops: [...ROTARY_BUFFERS, ...PREDICTING_PARTS, ...GGUF_PREDICTING_PARTS],
  stock: {
    architecture: "DeepseekV3ForCausalLM",
    modelType: "deepseek_v3",
    fields: (config) => ({
      ...latentFields(config),
      topk_method: "noaux_tc",
      rope_interleave: config.rotaryPairs === "neighbours",
    }),
  },
};

/** PaddleNLP 3.0.0b4 and PaddleFormers 0.4.1 transpose every Linear, routers among them, and call it as transformers does. */
function namesOf(
  network: Network,
  prefix: string,
  corrections: readonly string[] = [],
): Family["names"] {
  return {
    huggingface: naming(network),
    transformersStacked: naming(network, { rows: STACKED_EXPERTS }),
    paddlenlp: paddlenlp(network, { prefix }),
    paddleformers: paddleformers(network),
    gguf: ggufNames(network, { rows: corrections }),
  };
}

function readV2(config: ConfigFields): NetworkConfig {
  if (config.flag(false, "mlp_bias")) throw unsupported(config.path, "mlp_bias", true);
  const method = config.text("greedy", "topk_method");
  if (method !== "greedy" && method !== "group_limited_greedy")
    throw unsupported(config.path, "topk_method", method);
  const network = readLatent(config);
  const grouped = method === "greedy" ? config.without("n_group").without("topk_group") : config;
  return {
    ...network,
    rotaryPairs: "neighbours",
    experts: readRoutedExperts(grouped, network.layers, {
      count: 64,
      size: 1407,
      shared: 2,
      denseLayers: 0,
      scale: 1,
      scoring: "softmax",
      groups: { count: 1, perToken: 1 },
      groupScore: "best",
    }),
  };
}

function readV3(config: ConfigFields): NetworkConfig {
  const method = config.text("noaux_tc", "topk_method");
  if (method !== "noaux_tc") throw unsupported(config.path, "topk_method", method);
  const network = readLatent(config);
  return {
    ...network,
    rotaryPairs: config.flag(true, "rope_interleave") ? "neighbours" : "halves",
    experts: readRoutedExperts(config, network.layers, {
      count: 256,
      perToken: 8,
      size: 2048,
      shared: 1,
      denseLayers: 3,
      scale: 2.5,
      scoring: "sigmoid",
      isNormalised: true,
      groups: { count: 8, perToken: 4 },
      groupScore: "bestTwo",
    }),
  };
}

/** Everything but the experts. */
function readLatent(config: ConfigFields): NetworkConfig {
  const heads = config.count("num_attention_heads");
  const groups = config.optionalCount("num_key_value_heads") ?? heads;
  if (groups !== heads)
    throw config.problem("num_key_value_heads", `${heads}, as many as there are heads`, groups);
  const rotaryDims = config.optionalCount("qk_rope_head_dim") ?? 64;
  if (rotaryDims % 2 !== 0) throw config.problem("qk_rope_head_dim", "an even number", rotaryDims);
  const plainDims = config.optionalCount("qk_nope_head_dim") ?? 128;
  const valueDims = config.optionalCount("v_head_dim") ?? 128;
  const size = Math.max(plainDims + rotaryDims, valueDims);
  // The size of a head is that of what is cached, which may be odd.
  const network = readLlamaConfig(config.with("head_dim", size + (size % 2)), {
    attentionBias: false,
    rotatesWholeCache: false,
    defaults: { maxPositions: 4096 },
  });
  const queryRank =
    config.raw["q_lora_rank"] === null ? undefined : (config.optionalCount("q_lora_rank") ?? 1536);
  const { scaling } = network.rope;
  const yarn = scaling.kind === "yarn" ? ropeSettings(config) : undefined;
  const mscale = yarn?.amountUnlessZero("mscale");
  const mscaleAllDim = yarn?.amountUnlessZero("mscale_all_dim");
  const latent: LatentConfig = {
    ...(mscale === undefined ? {} : { mscale }),
    ...(mscaleAllDim === undefined ? {} : { mscaleAllDim }),
    ...(queryRank === undefined ? {} : { queryRank }),
    rank: config.optionalCount("kv_lora_rank") ?? 512,
    plainDims,
    valueDims,
    scoreScale: scoreScale(scaling, mscaleAllDim),
  };
  return {
    ...network,
    kvHeads: heads,
    mlpBias: false,
    rotaryDims,
    latent,
    ...readPredictingLayers(config),
  };
}

/** The square of YaRN's magnitude for all dimensions (`yarn_apply_mscale` of transformers). */
function scoreScale(scaling: RopeScaling, mscaleAllDim: number | undefined): number {
  if (scaling.kind !== "yarn" || mscaleAllDim === undefined) return 1;
  return yarnMagnitude(scaling.factor, mscaleAllDim) ** 2;
}

function latentFields(config: ModelConfig): Readonly<Record<string, unknown>> {
  const { latent, rotaryDims } = config;
  const { head_dim: _size, rope_scaling: scaling, ...fields } = llamaFields(config);
  return {
    ...fields,
    attention_bias: config.attentionBias,
    rope_scaling: withMscale(scaling, latent),
    q_lora_rank: latent?.queryRank ?? null,
    kv_lora_rank: latent?.rank,
    qk_rope_head_dim: rotaryDims,
    qk_nope_head_dim: latent?.plainDims,
    v_head_dim: latent?.valueDims,
    ...routedFields(config.experts),
  };
}

/** YaRN's factor in DeepSeek's terms, which PaddleNLP alone reads, and the one for scores, which nothing else tells. */
function withMscale(scaling: unknown, read: LatentConfig | undefined): unknown {
  if (!isRecord(scaling) || read?.mscaleAllDim === undefined) return scaling;
  const { attention_factor: factor, ...fields } = scaling;
  return read.mscale === undefined
    ? { ...scaling, mscale_all_dim: read.mscaleAllDim, attention_factor: factor }
    : { ...fields, mscale: read.mscale, mscale_all_dim: read.mscaleAllDim };
}
