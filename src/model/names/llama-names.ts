import type { DroppedName, Family } from "../family.ts";
import { decoder, gated, grouped, type Network } from "../network.ts";
import { naming, paddleformers, paddlenlp } from "./naming.ts";

/** LLaMA's network, InternLM's and Baichuan-7B's among them. */
export const LLAMA_DECODER = decoder({
  block: "llama",
  attention: grouped({ bias: "qkvo" }),
  mlp: gated,
});

/** Hugging Face's and Paddle's names of a network with LLaMA's modules, fused or not. */
export function llamaNames(network: Network, prefix: string): Family["names"] {
  return {
    huggingface: naming(network),
    paddlenlp: paddlenlp(network, { prefix }),
    /** PaddleNLP v2.8.1, transformers/conversion_utils.py, `fuse_param_func`. */
    paddlenlpFused: paddlenlp(network, {
      prefix,
      rows: [
        ".self_attn.q_proj, .self_attn.k_proj, .self_attn.v_proj | .self_attn.qkv_proj | group",
        ".mlp.gate_proj.weight, .mlp.up_proj.weight | .mlp.gate_up_fused_proj.weight | concatenate",
      ],
    }),
    paddleformers: paddleformers(network),
  };
}

export const LLAMA_NAMES = llamaNames(LLAMA_DECODER, "llama.");

/** What those names have in front. */
export const LLAMA_PREFIXES: readonly string[] = ["llama", "model"];

/** Buffers of rotary tables that checkpoints of the network may have: one a layer, or one for all (transformers from 4.43 on). */
export const ROTARY_BUFFERS: readonly DroppedName[] = [
  ...["inv_freq", "cos_cached", "sin_cached"].map(
    (name) => `model.layers.{i}.self_attn.rotary_emb.${name}`,
  ),
  ...["inv_freq", "original_inv_freq"].map((name) => `model.rotary_emb.${name}`),
].map((stored) => ({
  stored,
  why: "rotary tables are computed from config.json; the stored ones have no effect",
}));

/** Baichuan-7B's own: one Linear for queries, keys and values. */
export const BAICHUAN_NAMES = naming(LLAMA_DECODER, {
  rows: [".self_attn.q_proj, .self_attn.k_proj, .self_attn.v_proj | .self_attn.W_pack | thirds"],
});

/**
 * The names of InternLM's own training checkpoints, `model_tp{t}_pp{p}.pt` (InternLM/InternLM,
 * internlm/model/modeling_internlm.py and tools/transformers/convert2hf.py): always in torch's layout.
 */
export const TRAINING_NAMES = naming(LLAMA_DECODER, {
  layer: "blocks.{i}.",
  prefix: "",
  rows: [
    "model.embed_tokens.weight | embedding.weight",
    "model.embed_tokens.weight | embedding.word_embeddings.weight",
    "model.embed_tokens.weight | tok_embeddings.weight",
    "lm_head.weight | head.weight",
    ".self_attn.q_proj, .self_attn.k_proj, .self_attn.v_proj | .mixer.Wqkv | thirds",
    ".self_attn.o_proj | .mixer.out_proj",
    ".mlp.gate_proj.weight | .mlp.w1.weight",
    ".mlp.up_proj.weight | .mlp.w2.weight",
    ".mlp.down_proj.weight | .mlp.w3.weight",
    ".input_layernorm | .norm1",
    ".post_attention_layernorm | .norm2",
  ],
});

export const TRAINING_BUFFERS: readonly DroppedName[] = [
  {
    stored: "blocks.{i}.mixer.rotary_emb.inv_freq",
    why: "rotary tables are computed from config.json; the stored ones have no effect",
  },
];

/**
 * The names of Meta's own checkpoints, `consolidated.{rank}.pth` (facebookresearch/llama, llama/model.py). Its rotary pairs
 * are neighbours, 2j with 2j + 1, where everybody else's are halves, j with j + D/2. LLaMA 1 and 2 cut the embeddings along
 * hidden, LLaMA 3 along the vocabulary; the shapes tell.
 */
export const META_NAMES = naming(LLAMA_DECODER, {
  prefix: "",
  rows: [
    "model.embed_tokens.weight | tok_embeddings.weight",
    "lm_head.weight | output.weight",
    ".self_attn.q_proj.weight | .attention.wq.weight | interleave",
    ".self_attn.k_proj.weight | .attention.wk.weight | interleave",
    ".self_attn.v_proj.weight | .attention.wv.weight",
    ".self_attn.o_proj.weight | .attention.wo.weight",
    ".mlp.gate_proj.weight | .feed_forward.w1.weight",
    ".mlp.down_proj.weight | .feed_forward.w2.weight",
    ".mlp.up_proj.weight | .feed_forward.w3.weight",
    ".input_layernorm | .attention_norm",
    ".post_attention_layernorm | .ffn_norm",
  ],
});

/**
 * InternLM2's own names (modeling_internlm2.py of the published folders): `wqkv` goes by key-value head, w1 is the gate and w3
 * the up projection.
 */
export const INTERNLM2_NAMES = naming(LLAMA_DECODER, {
  rows: [
    "model.embed_tokens.weight | model.tok_embeddings.weight",
    "lm_head.weight | output.weight",
    ".self_attn.q_proj, .self_attn.k_proj, .self_attn.v_proj | .attention.wqkv | group",
    ".self_attn.o_proj | .attention.wo",
    ".mlp.gate_proj.weight | .feed_forward.w1.weight",
    ".mlp.down_proj.weight | .feed_forward.w2.weight",
    ".mlp.up_proj.weight | .feed_forward.w3.weight",
    ".input_layernorm | .attention_norm",
    ".post_attention_layernorm | .ffn_norm",
  ],
});

export const META_BUFFERS: readonly DroppedName[] = [
  "rope.freqs",
  "layers.{i}.attention.inner_attention.rope.freqs",
].map((stored) => ({
  stored,
  why: "rotary tables are computed from the configuration; the stored ones have no effect",
}));
