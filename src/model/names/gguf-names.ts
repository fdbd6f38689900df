import type { DroppedName, Family } from "../family.ts";
import type { Network } from "../network.ts";
import type { Parameter } from "../parameter.ts";
import { naming, type Naming } from "./naming.ts";

/** Modules inside a layer (gguf-py 0.19.0, constants.py, `TENSOR_NAMES`; tensor_mapping.py). */
const IN_LAYER: readonly (readonly [canonical: string, stored: string])[] = [
  [".self_attn.q_proj", ".attn_q"],
  [".self_attn.k_proj", ".attn_k"],
  [".self_attn.v_proj", ".attn_v"],
  [".self_attn.o_proj", ".attn_output"],
  [".self_attn.q_a_proj", ".attn_q_a"],
  [".self_attn.q_a_layernorm", ".attn_q_a_norm"],
  [".self_attn.q_b_proj", ".attn_q_b"],
  [".self_attn.kv_a_proj_with_mqa", ".attn_kv_a_mqa"],
  [".self_attn.kv_a_layernorm", ".attn_kv_a_norm"],
  [".self_attn.kv_b_proj", ".attn_kv_b"],
  [".self_attn.q_norm", ".attn_q_norm"],
  [".self_attn.k_norm", ".attn_k_norm"],
  [".mlp.gate_proj", ".ffn_gate"],
  [".mlp.up_proj", ".ffn_up"],
  [".mlp.down_proj", ".ffn_down"],
  [".mlp.gate_up_proj", ".ffn_up"],
  [".mlp.gate", ".ffn_gate_inp"],
  [".mlp.experts.{e}.gate_proj", ".ffn_gate_exps[{e}]"],
  [".mlp.experts.{e}.up_proj", ".ffn_up_exps[{e}]"],
  [".mlp.experts.{e}.down_proj", ".ffn_down_exps[{e}]"],
  [".mlp.shared_expert.gate_proj", ".ffn_gate_shexp"],
  [".mlp.shared_expert.up_proj", ".ffn_up_shexp"],
  [".mlp.shared_expert.down_proj", ".ffn_down_shexp"],
  [".mlp.shared_expert_gate", ".ffn_gate_inp_shexp"],
  [".mlp.shared_experts.gate_proj", ".ffn_gate_shexp"],
  [".mlp.shared_experts.up_proj", ".ffn_up_shexp"],
  [".mlp.shared_experts.down_proj", ".ffn_down_shexp"],
  [".input_layernorm", ".attn_norm"],
];

/** Modules beside the embeddings, of those that have them. */
const TABLES: readonly (readonly [canonical: string, stored: string])[] = [
  ["model.embed_positions", "position_embd"],
  ["model.embed_norm", "token_embd_norm"],
];

/** Norms behind the attention and around the feed-forward network, by which of them a network has. */
const NORMS: readonly (readonly [has: string, rows: readonly (readonly [string, string])[]])[] = [
  [
    ".pre_feedforward_layernorm",
    [
      [".post_attention_layernorm", ".post_attention_norm"],
      [".pre_feedforward_layernorm", ".ffn_norm"],
      [".post_feedforward_layernorm", ".post_ffw_norm"],
    ],
  ],
  [
    ".post_self_attn_layernorm",
    [
      [".post_self_attn_layernorm", ".post_attention_norm"],
      [".post_attention_layernorm", ".ffn_norm"],
      [".post_mlp_layernorm", ".post_ffw_norm"],
    ],
  ],
  ["", [[".post_attention_layernorm", ".ffn_norm"]]],
];

export interface GgufNaming {
  /**
   * Rows of queries and keys are stored with rotary pairs as neighbours, as those of the architecture "llama" are
   * (convert_hf_to_gguf.py, `LlamaModel.permute`).
   */
  readonly interleaved?: boolean;
  /** Rows in place of those of the same modules. */
  readonly rows?: readonly string[];
}

/** llama.cpp's names of a network with LLaMA's modules, always in torch's layout. */
export function ggufNames(
  network: Network,
  { interleaved = false, rows = [] }: GgufNaming = {},
): Naming {
  const has = (module: string): boolean =>
    network.parameters.some(({ name }) => name.includes(`${module}.`));
  const said = (canonical: string): boolean =>
    rows.some((row) =>
      (row.split("|")[0] ?? "")
        .split(",")
        .some((name) => name.trim().replace(/\.(?:weight|bias)$/, "") === canonical),
    );
  const norms = NORMS.find(([module]) => module === "" || has(module))?.[1] ?? [];
  return naming(network, {
    prefix: "",
    layer: "blk.{i}.",
    rows: [
      "model.embed_tokens.weight | token_embd.weight",
      "model.norm | output_norm",
      "lm_head.weight | output.weight",
      ...TABLES.filter(([canonical]) => has(canonical)).map((row) => row.join(" | ")),
      ...rows,
      ...[...IN_LAYER, ...norms]
        .filter(([canonical]) => has(canonical) && !said(canonical))
        .map(([canonical, stored]) =>
          interleaved && /\.[qk]_proj$/.test(canonical)
            ? `${canonical} | ${stored} | interleave`
            : `${canonical} | ${stored}`,
        ),
    ],
  });
}

/** Queries, keys and values in one Linear, gate and up in another (Phi-3). */
export const GGUF_FUSED_ROWS: readonly string[] = [
  ".self_attn.q_proj, .self_attn.k_proj, .self_attn.v_proj | .attn_qkv | concatenate",
  ".mlp.gate_proj.weight, .mlp.up_proj.weight | .ffn_up.weight | concatenate",
];

/** Queries, keys and values in one Linear (GPT-2, Bloom). */
export const GGUF_JOINED_ROWS: readonly string[] = [
  ".self_attn.q_proj, .self_attn.k_proj, .self_attn.v_proj | .attn_qkv | concatenate",
];

/** What is added to scores where experts are chosen. */
export const ggufCorrection = (name: string): string => `.${name} | .exp_probs_b.bias`;

/** Parts of layers that predict tokens further ahead, beside a layer's own. */
export const GGUF_PREDICTING_PARTS: readonly DroppedName[] = [
  "eh_proj",
  "embed_tokens",
  "enorm",
  "hnorm",
  "shared_head_head",
  "shared_head_norm",
].map((module) => ({
  stored: `blk.{i}.nextn.${module}.weight`,
  why: "part of a layer that predicts tokens further ahead; the model is complete without",
}));

/** Tensors of llama.cpp's that config.json says in another way. */
export const GGUF_DROPS: readonly DroppedName[] = [
  {
    stored: "rope_freqs.weight",
    why: "the factors of rotary frequencies are rope_scaling in config.json",
  },
];

/** What a family's parameters are called in GGUF files, by that name, those of experts left out. */
export function ggufParameters(
  { names }: Pick<Family, "names">,
  layers: number,
): ReadonlyMap<string, Parameter> {
  const found = new Map<string, Parameter>();
  for (const { canonical, stored } of names["gguf"]?.statements ?? []) {
    const [parameter] = canonical;
    if (parameter === undefined || stored.includes("{e}")) continue;
    if (!stored.includes("{i}")) found.set(stored, parameter);
    else
      for (let layer = 0; layer < layers; layer++)
        found.set(stored.replace("{i}", String(layer)), parameter);
  }
  return found;
}
