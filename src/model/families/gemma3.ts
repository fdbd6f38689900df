import { activationName } from "../config/activation.ts";
import type { ConfigFields } from "../config/fields.ts";
import {
  gemma3Ropes,
  readGemmaConfig,
  readLaterGate,
  windowSize,
  writtenWindow,
} from "../config/gemma.ts";
import { unsupported } from "../config/unsupported.ts";
import type { ModelConfig, NetworkConfig } from "../config/model-config.ts";
import { layerTypes, readWindow } from "../config/window.ts";
import type { Family } from "../family.ts";
import { ROTARY_BUFFERS } from "../names/llama-names.ts";
import { ggufNames } from "../names/gguf-names.ts";
import { naming, paddleformers } from "../names/naming.ts";
import { decoder, gated, GEMMA_NORMS, grouped } from "../network.ts";
import { llamaFields, ropeParameters } from "./stock-llama.ts";

const NETWORK = decoder({
  block: "gemma2",
  attention: grouped({ bias: "qkvo", headNorms: true }),
  mlp: gated,
  norms: GEMMA_NORMS,
  normsFromOne: true,
});

/**
 * Gemma 3 for text: Gemma 2 without caps, with norms on the heads of queries and keys, and another rotary in the layers that have
 * a window, five of six (transformers v5.23.0, models/gemma3/modeling_gemma3.py).
 */
export const GEMMA3: Family = {
  name: "gemma3_text",
  architectures: ["Gemma3ForCausalLM"],
  modelType: "gemma3_text",
  checkedAgainst: "transformers 5.23, `Gemma3ForCausalLM`",
  readConfig,
  network: NETWORK,
  names: {
    huggingface: naming(NETWORK),
    paddleformers: paddleformers(NETWORK),
    gguf: ggufNames(NETWORK),
  },
  paddleWriter: "paddleformers",
  prefixes: ["model"],
  drops: ROTARY_BUFFERS,
  stock: { architecture: "Gemma3ForCausalLM", modelType: "gemma3_text", fields },
};

function readConfig(config: ConfigFields): NetworkConfig {
  // transformers' class reads it, and computes nothing with it.
  if (config.has("attn_logit_softcapping"))
    throw unsupported(config.path, "attn_logit_softcapping", config.find("attn_logit_softcapping"));
  const logitCap = config.optionalAmount("final_logit_softcapping");
  if (config.flag(false, "use_bidirectional_attention"))
    throw unsupported(config.path, "use_bidirectional_attention", true);
  const network = readGemmaConfig(config, { kvHeads: 4, maxPositions: 131_072 });
  const scalar = config.positive(256, "query_pre_attn_scalar");
  const pattern = config.optionalCount("sliding_window_pattern", "_sliding_window_pattern") ?? 6;
  const size = windowSize(config);
  return {
    ...network,
    ...readLaterGate(config),
    ...(logitCap === undefined ? {} : { logitCap }),
    ...gemma3Ropes(config, network.maxPositions),
    ...(scalar === network.headDim ? {} : { queryScalar: scalar }),
    ...readWindow(config, network.layers, size, (layer) => (layer + 1) % pattern !== 0),
  };
}

/** transformers 4 reads the first spelling of the two rotaries, transformers 5 `rope_parameters`. */
function fields(config: ModelConfig): Readonly<Record<string, unknown>> {
  const { hidden_act: _act, ...shared } = llamaFields(config);
  const local = config.windowRope ?? config.rope;
  return {
    attention_bias: config.attentionBias,
    ...shared,
    hidden_activation: activationName(config),
    final_logit_softcapping: config.logitCap ?? null,
    query_pre_attn_scalar: config.queryScalar ?? config.headDim,
    sliding_window: writtenWindow(config),
    rope_local_base_freq: local.theta,
    rope_parameters: {
      full_attention: ropeParameters(config.rope),
      sliding_attention: ropeParameters(local),
    },
    ...layerTypes(config.window, config.layers),
  };
}
