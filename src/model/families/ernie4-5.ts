import type { ConfigFields } from "../config/fields.ts";
import { readLlamaConfig } from "../config/llama-like.ts";
import type { ModelConfig, NetworkConfig } from "../config/model-config.ts";
import type { Family } from "../family.ts";
import { ggufNames } from "../names/gguf-names.ts";
import { LLAMA_DECODER, ROTARY_BUFFERS } from "../names/llama-names.ts";
import { naming, paddleformers, paddlenlp } from "../names/naming.ts";
import { llamaFields } from "./stock-llama.ts";

/** How ERNIEKit joins queries, keys and values, and gate and up. */
export const ERNIEKIT_ROWS: readonly string[] = [
  ".self_attn.q_proj, .self_attn.k_proj, .self_attn.v_proj | .self_attn.qkv_proj | concatenate",
  ".mlp.gate_proj, .mlp.up_proj | .mlp.up_gate_proj | concatenate",
];

/**
 * ERNIE 4.5 without experts: LLaMA's network, whose rotary pairs are neighbours (transformers v5.23.0,
 * models/ernie4_5/modeling_ernie4_5.py). Baidu's own files are in ERNIEKit's layout: all queries, then all keys, then all
 * values, where PaddleNLP's tensor of the same name goes by key-value head; and gate before up, whatever the name says
 * (PaddlePaddle/ERNIE, tools/paddle2torch/tran_4_5t.py, f46ea04a).
 */
export const ERNIE4_5: Family = {
  name: "ernie4_5",
  architectures: ["Ernie4_5ForCausalLM", "Ernie4_5_ForCausalLM"],
  modelType: "ernie4_5",
  checkedAgainst: "transformers 5.23, `Ernie4_5ForCausalLM`",
  readConfig,
  network: LLAMA_DECODER,
  names: {
    huggingface: naming(LLAMA_DECODER),
    erniekit: paddlenlp(LLAMA_DECODER, { prefix: "ernie.", rows: ERNIEKIT_ROWS }),
    erniekitApart: paddlenlp(LLAMA_DECODER, { prefix: "ernie." }),
    paddleformers: paddleformers(LLAMA_DECODER),
    gguf: ggufNames(LLAMA_DECODER),
  },
  paddleWriter: "erniekit",
  prefixes: ["ernie", "model"],
  drops: ROTARY_BUFFERS,
  stock: { architecture: "Ernie4_5ForCausalLM", modelType: "ernie4_5", fields },
  paddleClass: { architecture: "Ernie4_5_ForCausalLM", modelType: "ernie4_5", fields },
};

function fields(config: ModelConfig): Readonly<Record<string, unknown>> {
  return { use_bias: config.attentionBias, ...llamaFields(config) };
}

function readConfig(config: ConfigFields): NetworkConfig {
  return readErnieConfig(config, 128);
}

/** @param headDim where config.json does not say; the hidden size over the heads when left out. */
export function readErnieConfig(config: ConfigFields, headDim?: number): NetworkConfig {
  const network = readLlamaConfig(config, {
    attentionBias: false,
    rotatesWholeCache: false,
    defaults: {
      kvHeads: 2,
      ...(headDim === undefined ? {} : { headDim }),
      rmsNormEps: 1e-5,
      theta: 500_000,
      maxPositions: 131_072,
      tied: true,
    },
  });
  const hasBias = config.flag(false, "use_bias");
  return { ...network, rotaryPairs: "neighbours", attentionBias: hasBias, mlpBias: hasBias };
}
