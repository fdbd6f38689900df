import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import type { PaddleWriter } from "../../src/model/names/paddle-writers.ts";
import { verify } from "../../src/verify/run.ts";
import { runPython } from "../support/python.ts";

const work = mkdtempSync(join(tmpdir(), "weighbridge-settings-"));
const drawn = join(work, "drawn");
afterAll(() => rmSync(work, { recursive: true, force: true }));

type Fields = Readonly<Record<string, unknown>>;

const IDS: Fields = { vocab_size: 97, bos_token_id: 1, eos_token_id: 2, pad_token_id: 0 };
const LLAMA: Fields = {
  ...IDS,
  hidden_size: 32,
  intermediate_size: 56,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
};
const EXPERTS: Fields = { num_experts: 6, num_experts_per_tok: 3, moe_intermediate_size: 20 };
const GROUPS: Fields = { n_routed_experts: 8, num_experts_per_tok: 3, moe_intermediate_size: 20 };
const LATENT: Fields = {
  ...LLAMA,
  ...GROUPS,
  num_key_value_heads: 4,
  kv_lora_rank: 12,
  qk_nope_head_dim: 8,
  qk_rope_head_dim: 4,
  v_head_dim: 10,
  n_shared_experts: 1,
  n_group: 1,
  topk_group: 1,
};
const GPT2: Fields = { ...IDS, n_embd: 32, n_layer: 3, n_head: 4, n_positions: 64 };
const OPT: Fields = {
  ...IDS,
  hidden_size: 32,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  max_position_embeddings: 64,
  ffn_dim: 56,
};
const BLOOM: Fields = { ...IDS, hidden_size: 36, n_layer: 3, n_head: 6 };
const FACTORS: Fields = {
  rope_type: "longrope",
  rope_theta: 10_000,
  original_max_position_embeddings: 16,
  short_factor: [1, 1.1, 1.2, 1.3],
  long_factor: [1, 2, 3, 4],
};

/** Settings that few published models have, each of which changes what is computed; and whose layouts of Paddle there are. */
const MODELS: readonly (readonly [
  name: string,
  stockClass: string,
  fields: Fields,
  writers: readonly PaddleWriter[],
  dtype?: "bfloat16" | "float16",
])[] = [
  [
    "one key head",
    "LlamaForCausalLM",
    { ...LLAMA, head_dim: 12, num_key_value_heads: 1, rms_norm_eps: 1e-3, mlp_bias: true },
    ["paddlenlp", "paddleformers"],
    "float16",
  ],
  [
    "a window from the second layer on",
    "Qwen2ForCausalLM",
    { ...LLAMA, use_sliding_window: true, sliding_window: 7, max_window_layers: 1 },
    ["paddlenlp", "paddleformers"],
    "bfloat16",
  ],
  [
    "caps and a window",
    "Gemma2ForCausalLM",
    {
      ...LLAMA,
      head_dim: 12,
      query_pre_attn_scalar: 20,
      sliding_window: 6,
      attn_logit_softcapping: 3.5,
      final_logit_softcapping: 2.5,
    },
    ["paddleformers"],
  ],
  [
    "keys of two rotations",
    "Phi3ForCausalLM",
    {
      ...LLAMA,
      hidden_size: 64,
      original_max_position_embeddings: 16,
      rope_parameters: { ...FACTORS, partial_rotary_factor: 0.5 },
    },
    ["paddleformers"],
  ],
  [
    "heads of no size of their own",
    "Ernie4_5_MoeForCausalLM",
    {
      ...LLAMA,
      num_hidden_layers: 5,
      moe_num_experts: 6,
      moe_k: 3,
      moe_intermediate_size: 20,
      moe_num_shared_experts: 0,
      moe_layer_start_index: 1,
      moe_layer_end_index: 3,
      moe_layer_interval: 2,
    },
    ["paddleformers", "erniekit"],
    "bfloat16",
  ],
  [
    "experts in every second layer",
    "Qwen3MoeForCausalLM",
    {
      ...LLAMA,
      ...EXPERTS,
      num_hidden_layers: 4,
      head_dim: 8,
      norm_topk_prob: false,
      decoder_sparse_step: 2,
      mlp_only_layers: [3],
      attention_bias: true,
    },
    ["paddlenlp", "paddleformers"],
  ],
  [
    "groups of experts",
    "DeepseekV3ForCausalLM",
    {
      ...LATENT,
      q_lora_rank: 14,
      n_group: 4,
      topk_group: 2,
      first_k_dense_replace: 0,
      attention_bias: true,
      tie_word_embeddings: true,
    },
    ["paddlenlp", "paddleformers"],
  ],
  [
    "queries without a latent",
    "DeepseekV2ForCausalLM",
    {
      ...LATENT,
      q_lora_rank: null,
      topk_method: "greedy",
      first_k_dense_replace: 1,
      routed_scaling_factor: 1.5,
    },
    ["paddlenlp", "paddleformers"],
  ],
  [
    "scores that fall by layer",
    "GPT2LMHeadModel",
    { ...GPT2, n_inner: 50, scale_attn_by_inverse_layer_idx: true, reorder_and_upcast_attn: true },
    [],
  ],
  [
    "norms of sums",
    "OPTForCausalLM",
    { ...OPT, do_layer_norm_before: false, activation_function: "gelu" },
    ["paddlenlp"],
    "float16",
  ],
  [
    "smaller embeddings",
    "OPTForCausalLM",
    { ...OPT, do_layer_norm_before: false, word_embed_proj_dim: 20 },
    [],
  ],
  [
    "smaller embeddings and norms before",
    "OPTForCausalLM",
    { ...OPT, word_embed_proj_dim: 20, tie_word_embeddings: false },
    [],
  ],
  ["no norm at the end", "OPTForCausalLM", { ...OPT, _remove_final_layer_norm: true }, []],
  [
    "sums of normed states",
    "BloomForCausalLM",
    { ...BLOOM, apply_residual_connection_post_layernorm: true },
    ["paddlenlp"],
  ],
];

beforeAll(() => {
  const models = MODELS.map(([name, stockClass, fields, , dtype = "float32"]) => ({
    name,
    class: stockClass,
    fields,
    dtype,
  }));
  expect(runPython("draw_settings.py", { folder: drawn, models })).toBe(MODELS.length);
}, 600_000);

describe("a model of stock transformers with", () => {
  test.each(MODELS.map(([name, , , writers]) => ({ name, writers })))(
    "$name gives its logits and greedy ids, and comes back from every layout byte for byte",
    async ({ name, writers }) => {
      const model = join(drawn, name);
      const golden = `${model}.golden.safetensors`;
      for (const device of ["wasm", "cpu"] as const) {
        const { verdict, comparisons, diagnosis } = await verify(model, { golden, device });
        expect([device, verdict, diagnosis]).toEqual([device, "pass", []]);
        const prompts = comparisons.flatMap(({ parity }) => parity?.prompts ?? []);
        for (const { maxAbs } of prompts) expect(maxAbs).toBeLessThanOrEqual(1e-4);
      }
      const stored = join(work, `${name}-stored`);
      await convert(model, stored);
      const wanted = readFileSync(join(stored, "model.safetensors"));
      for (const writer of ["torch" as const, ...writers]) {
        const there = join(work, `${name}-${writer}`);
        const goal =
          writer === "torch" ? { to: "pytorch" as const } : { to: "paddle" as const, for: writer };
        await convert(model, there, goal);
        const { verdict } = await verify(there, { golden, device: "wasm" });
        await convert(there, `${there}-back`);
        const back = readFileSync(join(`${there}-back`, "model.safetensors"));
        expect([writer, verdict, back.equals(wanted)]).toEqual([writer, "pass", true]);
      }
    },
  );
});
