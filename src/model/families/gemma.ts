import type { ConfigFields } from "../config/fields.ts";
import { activationName } from "../config/activation.ts";
import {
  readFirstGate,
  readGemmaConfig,
  readLaterGate,
  windowSize,
  writtenWindow,
} from "../config/gemma.ts";
import type { ModelConfig, NetworkConfig } from "../config/model-config.ts";
import { layerTypes, readWindow } from "../config/window.ts";
import type { Family } from "../family.ts";
import { ggufNames } from "../names/gguf-names.ts";
import { llamaNames, ROTARY_BUFFERS } from "../names/llama-names.ts";
import { naming, paddleformers } from "../names/naming.ts";
import { decoder, gated, GEMMA_NORMS, grouped } from "../network.ts";
import { llamaFields } from "./stock-llama.ts";

const NETWORK = decoder({
  block: "gemma",
  attention: grouped({ bias: "qkvo" }),
  mlp: gated,
  normsFromOne: true,
});

/**
 * Gemma: LLaMA's network with GELU in place of SiLU, scaled embeddings, and norms that are stored as their difference from 1
 * (transformers v5.23.0, models/gemma/modeling_gemma.py). PaddleNLP's class computes the exact GELU, Google's approximates it.
 */
export const GEMMA: Family = {
  name: "gemma",
  architectures: ["GemmaForCausalLM"],
  modelType: "gemma",
  checkedAgainst: "transformers 5.23, `GemmaForCausalLM`",
  readConfig: (config) => ({
    ...readGemmaConfig(config, { kvHeads: 16, maxPositions: 8192 }),
    ...readFirstGate(config),
  }),
  network: NETWORK,
  names: { ...llamaNames(NETWORK, "gemma."), gguf: ggufNames(NETWORK) },
  prefixes: ["gemma", "model"],
  drops: ROTARY_BUFFERS,
  stock: {
    architecture: "GemmaForCausalLM",
    modelType: "gemma",
    fields: (config) => ({
      ...gemmaFields(config),
      hidden_act: activationName(config),
      hidden_activation: activationName(config),
    }),
  },
};

const NETWORK2 = decoder({
  block: "gemma2",
  attention: grouped({ bias: "qkvo" }),
  mlp: gated,
  norms: GEMMA_NORMS,
  normsFromOne: true,
});

/**
 * Gemma 2: Gemma with norms on both sides of attention and of the feed-forward network, caps on scores and logits, and a window
 * in every other layer (transformers v5.23.0, models/gemma2/modeling_gemma2.py).
 */
export const GEMMA2: Family = {
  name: "gemma2",
  architectures: ["Gemma2ForCausalLM"],
  modelType: "gemma2",
  checkedAgainst: "transformers 5.23, `Gemma2ForCausalLM`",
  readConfig: readGemma2Config,
  network: NETWORK2,
  names: {
    huggingface: naming(NETWORK2),
    paddleformers: paddleformers(NETWORK2),
    gguf: ggufNames(NETWORK2),
  },
  paddleWriter: "paddleformers",
  prefixes: ["model"],
  drops: ROTARY_BUFFERS,
  stock: {
    architecture: "Gemma2ForCausalLM",
    modelType: "gemma2",
    fields: (config) => ({
      ...gemmaFields(config),
      hidden_activation: activationName(config),
      query_pre_attn_scalar: config.queryScalar ?? config.headDim,
      attn_logit_softcapping: config.attentionCap ?? null,
      final_logit_softcapping: config.logitCap ?? null,
      sliding_window: writtenWindow(config),
      ...layerTypes(config.window, config.layers),
    }),
  },
};

function gemmaFields(config: ModelConfig): Readonly<Record<string, unknown>> {
  const { hidden_act: _act, ...fields } = llamaFields(config);
  return { attention_bias: config.attentionBias, ...fields };
}

function readGemma2Config(config: ConfigFields): NetworkConfig {
  const network = readGemmaConfig(config, { kvHeads: 4, maxPositions: 8192 });
  const scalar = config.positive(256, "query_pre_attn_scalar");
  const attentionCap = cap(config, "attn_logit_softcapping", 50);
  const logitCap = cap(config, "final_logit_softcapping", 30);
  const size = windowSize(config);
  return {
    ...network,
    ...readLaterGate(config),
    ...(scalar === network.headDim ? {} : { queryScalar: scalar }),
    ...(attentionCap === undefined ? {} : { attentionCap }),
    ...(logitCap === undefined ? {} : { logitCap }),
    ...readWindow(config, network.layers, size, (layer) => layer % 2 === 0),
  };
}

/** A cap that is written as null is none. */
function cap(config: ConfigFields, field: string, usual: number): number | undefined {
  return field in config.raw ? config.optionalAmount(field) : usual;
}
