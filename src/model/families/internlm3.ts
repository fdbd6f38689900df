import type { ConfigFields } from "../config/fields.ts";
import { readLlamaConfig } from "../config/llama-like.ts";
import { unsupported } from "../config/unsupported.ts";
import type { NetworkConfig } from "../config/model-config.ts";
import type { Family } from "../family.ts";
import { ggufNames } from "../names/gguf-names.ts";
import {
  LLAMA_DECODER,
  LLAMA_NAMES,
  LLAMA_PREFIXES,
  ROTARY_BUFFERS,
} from "../names/llama-names.ts";
import { STOCK_LLAMA } from "./stock-llama.ts";

/**
 * InternLM3: LLaMA's network under LLaMA's names, with settings of its own names. transformers has no other model for it than
 * `LlamaForCausalLM` (v5.23.0, models/internlm3/configuration_internlm3.py).
 */
export const INTERNLM3: Family = {
  name: "internlm3",
  architectures: ["InternLM3ForCausalLM", "InternLM3Model"],
  modelType: "internlm3",
  checkedAgainst: "transformers 5.23, `LlamaForCausalLM`",
  readConfig,
  network: LLAMA_DECODER,
  names: { ...LLAMA_NAMES, gguf: ggufNames(LLAMA_DECODER, { interleaved: true }) },
  prefixes: [...LLAMA_PREFIXES, "internlm3"],
  drops: ROTARY_BUFFERS,
  stock: STOCK_LLAMA,
};

function readConfig(config: ConfigFields): NetworkConfig {
  const network = readLlamaConfig(config, {
    attentionBias: false,
    rotatesWholeCache: false,
    defaults: { kvHeads: 2, headDim: 128, rmsNormEps: 1e-5, maxPositions: 32_768 },
  });
  const attentionBias = config.flag(false, "qkv_bias", "attention_bias");
  const mlpBias = config.flag(false, "bias", "mlp_bias");
  // `bias` is o_proj's too, so that LLaMA's two switches cannot say it where they differ; transformers refuses it likewise.
  if (attentionBias !== mlpBias) throw unsupported(config.path, "qkv_bias", attentionBias);
  return { ...network, attentionBias, mlpBias };
}
