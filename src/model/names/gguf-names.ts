import type { DroppedName } from "../family.ts";
import type { Network } from "../network.ts";
import { naming, type Naming } from "./naming.ts";

/** Modules inside a layer (gguf-py 0.19.0, constants.py, `TENSOR_NAMES`; tensor_mapping.py). */
const IN_LAYER: readonly (readonly [canonical: string, stored: string])[] = [
  [".self_attn.q_proj", ".attn_q"],
  [".self_attn.k_proj", ".attn_k"],
  [".self_attn.v_proj", ".attn_v"],
  [".self_attn.o_proj", ".attn_output"],
  [".self_attn.q_norm", ".attn_q_norm"],
  [".self_attn.k_norm", ".attn_k_norm"],
  [".mlp.gate_proj", ".ffn_gate"],
  [".mlp.up_proj", ".ffn_up"],
  [".mlp.down_proj", ".ffn_down"],
  [".input_layernorm", ".attn_norm"],
  [".post_attention_layernorm", ".ffn_norm"],
];

/**
 * llama.cpp's names of a network with LLaMA's modules, always in torch's layout.
 * @param interleaved Whether rows of queries and keys are stored with rotary pairs as neighbours, as those of the architecture
 * "llama" are (convert_hf_to_gguf.py, `LlamaModel.permute`).
 */
export function ggufNames(network: Network, interleaved: boolean): Naming {
  const has = (module: string): boolean =>
    network.parameters.some(({ name }) => name.includes(`${module}.`));
  return naming(network, {
    prefix: "",
    layer: "blk.{i}.",
    rows: [
      "model.embed_tokens.weight | token_embd.weight",
      "model.norm.weight | output_norm.weight",
      "lm_head.weight | output.weight",
      ...IN_LAYER.filter(([canonical]) => has(canonical)).map(([canonical, stored]) =>
        interleaved && /\.[qk]_proj$/.test(canonical)
          ? `${canonical} | ${stored} | interleave`
          : `${canonical} | ${stored}`,
      ),
    ],
  });
}

/** Tensors of llama.cpp's that config.json says in another way. */
export const GGUF_DROPS: readonly DroppedName[] = [
  {
    stored: "rope_freqs.weight",
    why: "the factors of rotary frequencies are rope_scaling in config.json",
  },
];
