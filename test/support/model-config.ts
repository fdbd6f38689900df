import type { ModelConfig } from "../../src/model/config/model-config.ts";
import { parseModelConfig } from "../../src/model/config/parse.ts";

/** InternLM-7B's own config.json of July 2023, with fields of a small model put over it. */
export function internlmConfigText(fields: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    architectures: ["InternLMForCausalLM"],
    auto_map: {
      AutoConfig: "configuration_internlm.InternLMConfig",
      AutoModelForCausalLM: "modeling_internlm.InternLMForCausalLM",
    },
    bias: true,
    bos_token_id: 1,
    eos_token_id: 2,
    hidden_act: "silu",
    hidden_size: 4096,
    initializer_range: 0.02,
    intermediate_size: 11008,
    max_position_embeddings: 2048,
    model_type: "internlm",
    num_attention_heads: 32,
    num_hidden_layers: 32,
    pad_token_id: 0,
    rms_norm_eps: 1e-6,
    tie_word_embeddings: false,
    torch_dtype: "float16",
    transformers_version: "4.29.2",
    use_cache: true,
    vocab_size: 103168,
    ...fields,
  });
}

export function internlmConfig(fields: Readonly<Record<string, unknown>> = {}): ModelConfig {
  return parseModelConfig(internlmConfigText(fields), "config.json");
}

/** Dimensions that all differ, so that no shape says two things. */
export const SMALL = {
  vocab_size: 40,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
} as const;
