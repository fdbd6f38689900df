import { describe, expect, it } from "vitest";
import { parseModelConfig, resolveModelConfig } from "../../src/model/config/parse.ts";
import { ConfigFields } from "../../src/model/config/fields.ts";
import type { ModelConfig } from "../../src/model/config/model-config.ts";
import { familyOf } from "../../src/model/families.ts";
import { hfConfig } from "../../src/model/config/stock.ts";
import { expectedTensors } from "../../src/model/tensors.ts";
import { caught } from "../support/caught.ts";

const SIZES = {
  hidden_size: 32,
  intermediate_size: 56,
  num_attention_heads: 4,
  num_hidden_layers: 6,
  vocab_size: 128,
};

function config(architecture: string, fields: Readonly<Record<string, unknown>> = {}): ModelConfig {
  return resolveModelConfig(
    new ConfigFields({ architectures: [architecture], ...SIZES, ...fields }, "config.json"),
  );
}

/** What is read of the config.json that is written of what was read. */
function again(read: ModelConfig): ModelConfig {
  const written: unknown = JSON.parse(hfConfig(read, "BF16"));
  if (typeof written !== "object" || written === null) throw new Error("no object");
  return resolveModelConfig(new ConfigFields({ ...written }, "config.json"));
}

function withoutRaw({
  raw: _raw,
  architecture: _name,
  torchDtype: _dtype,
  ...rest
}: ModelConfig): unknown {
  return rest;
}

describe("a decoder's config.json", () => {
  it.each([
    ["MistralForCausalLM", { sliding_window: 6, head_dim: 12, num_key_value_heads: 2 }],
    ["MistralForCausalLM", { sliding_window: null, num_key_value_heads: 2 }],
    ["Qwen2ForCausalLM", { use_sliding_window: true, sliding_window: 5, max_window_layers: 2 }],
    ["Qwen3ForCausalLM", { head_dim: 12, attention_bias: true }],
    ["Ernie4_5ForCausalLM", { head_dim: 12, use_bias: true, tie_word_embeddings: false }],
    ["SeedOssForCausalLM", { head_dim: 12, num_key_value_heads: 2, attention_out_bias: true }],
    ["Phi3ForCausalLM", { sliding_window: 7, partial_rotary_factor: 0.75 }],
    [
      "Phi3ForCausalLM",
      {
        original_max_position_embeddings: 16,
        rope_scaling: { type: "su", short_factor: [1, 1.1, 1.2, 2], long_factor: [1, 2, 3, 4] },
      },
    ],
    [
      "LlamaForCausalLM",
      {
        hidden_act: "relu2",
        rope_scaling: {
          rope_type: "longrope",
          short_factor: [1, 1.1, 1.2, 2],
          long_factor: [1, 2, 3, 4],
          original_max_position_embeddings: 16,
          factor: 2,
        },
      },
    ],
    [
      "LlamaForCausalLM",
      { rope_parameters: { rope_type: "proportional", factor: 2, partial_rotary_factor: 0.5 } },
    ],
    ["MistralForCausalLM", { hidden_act: "gelu", num_key_value_heads: 2 }],
    ["GlmForCausalLM", { head_dim: 12, hidden_act: "gelu_new" }],
    ["GemmaForCausalLM", { hidden_act: "relu", num_key_value_heads: 2 }],
    ["Gemma2ForCausalLM", { hidden_activation: "gelu" }],
    ["Gemma3ForCausalLM", { hidden_activation: "silu", final_logit_softcapping: 20 }],
    ["Qwen2MoeForCausalLM", { use_sliding_window: true, sliding_window: 5, max_window_layers: 3 }],
    ["Qwen3MoeForCausalLM", { use_sliding_window: true, sliding_window: 5 }],
    ["Glm4ForCausalLM", { head_dim: 12, partial_rotary_factor: 0.5 }],
    ["GemmaForCausalLM", { head_dim: 12, num_key_value_heads: 2 }],
    ["Gemma2ForCausalLM", { head_dim: 12, query_pre_attn_scalar: 16, sliding_window: 6 }],
    ["Gemma2ForCausalLM", { attn_logit_softcapping: null, final_logit_softcapping: null }],
    ["Gemma3ForCausalLM", { rope_scaling: { rope_type: "linear", factor: 8 }, sliding_window: 6 }],
    ["MixtralForCausalLM", { num_local_experts: 5, num_key_value_heads: 2 }],
    ["Qwen2MoeForCausalLM", { num_experts: 6, decoder_sparse_step: 2, mlp_only_layers: [3] }],
    ["Qwen3MoeForCausalLM", { num_local_experts: 8, norm_topk_prob: true, head_dim: 12 }],
    [
      "Ernie4_5_MoeForCausalLM",
      { moe_num_experts: 6, moe_k: 3, moe_layer_start_index: 1, moe_layer_interval: 2 },
    ],
    ["Ernie4_5_MoeForCausalLM", { moe_layer_start_index: 6, moe_num_shared_experts: 0 }],
    ["Ernie4_5_MoeForCausalLM", { moe_layer_start_index: 3, moe_layer_end_index: 3 }],
    [
      "Glm4MoeForCausalLM",
      {
        num_key_value_heads: 2,
        use_qk_norm: true,
        n_routed_experts: 12,
        n_group: 4,
        topk_group: 2,
        num_experts_per_tok: 4,
        first_k_dense_replace: 2,
        n_shared_experts: 0,
        routed_scaling_factor: 2.5,
      },
    ],
    ["DeepseekV2ForCausalLM", { num_experts_per_tok: 6, q_lora_rank: null, v_head_dim: 6 }],
    [
      "DeepseekV3ForCausalLM",
      {
        n_routed_experts: 16,
        rope_interleave: false,
        rope_scaling: { type: "yarn", factor: 4, mscale: 0.7, mscale_all_dim: 0.8 },
      },
    ],
    ["GPT2LMHeadModel", { activation_function: "gelu", n_positions: 64, n_inner: 24 }],
    ["GPTForCausalLM", { hidden_activation: "gelu", layer_norm_eps: 1e-6 }],
    ["GPT2LMHeadModel", { scale_attn_weights: false, activation_function: "silu" }],
    ["OPTForCausalLM", { ffn_dim: 24, enable_bias: false, activation_function: "gelu_new" }],
    ["BloomForCausalLM", { intermediate_size: 128, layer_norm_epsilon: 1e-6 }],
    ["BertForMaskedLM", { type_vocab_size: 3, hidden_act: "relu", layer_norm_eps: 1e-7 }],
    ["RobertaForMaskedLM", { max_position_embeddings: 66, pad_token_id: 1 }],
    ["RobertaForMaskedLM", { hidden_act: "relu" }],
    ["ErnieForMaskedLM", { use_task_id: true, task_type_vocab_size: 5 }],
  ] as const)(
    "of %s %j says the same when it is written for the stock class and read again",
    (name, fields) => {
      const read = config(name, fields);
      expect(withoutRaw(again(read))).toEqual(withoutRaw(read));
    },
  );

  it("has floats where transformers takes no whole numbers", () => {
    const scaling = { type: "yarn", factor: 4, mscale: 1, mscale_all_dim: 1 };
    const text = hfConfig(
      config("DeepseekV3ForCausalLM", { routed_scaling_factor: 1, rope_scaling: scaling }),
      "F32",
    );
    for (const field of ["routed_scaling_factor", "mscale", "mscale_all_dim"])
      expect(text).toContain(`"${field}": 1.0`);
  });

  it("has the class's defaults where it says nothing", () => {
    expect(config("MistralForCausalLM", { num_attention_heads: 16 })).toMatchObject({
      kvHeads: 8,
      window: { size: 4096 },
    });
    expect(config("Ernie4_5ForCausalLM")).toMatchObject({
      kvHeads: 2,
      headDim: 128,
      tieWordEmbeddings: true,
      rope: { theta: 500_000 },
    });
    expect(config("Gemma2ForCausalLM")).toMatchObject({
      headDim: 256,
      attentionCap: 50,
      logitCap: 30,
      window: { size: 4096, layers: [true, false, true, false, true, false] },
    });
    expect(config("Gemma3ForCausalLM")).toMatchObject({
      rope: { theta: 1_000_000 },
      windowRope: { theta: 10_000 },
      window: { layers: [true, true, true, true, true, false] },
    });
  });

  it("has activations by name, PaddleNLP's gelu of GPT among them, which is the approximation", async () => {
    expect(config("GPT2LMHeadModel").activation).toBe("geluTanh");
    expect(config("GPT2LMHeadModel", { activation_function: "gelu" }).activation).toBe("gelu");
    expect(config("GPTForCausalLM", { hidden_activation: "gelu" }).activation).toBe("geluTanh");
    expect(config("OPTForCausalLM").activation).toBe("relu");
    const exact = config("GPT2LMHeadModel", { activation_function: "gelu" });
    const error = await caught(() => hfConfig(exact, "F32", "paddlenlp"));
    expect([error.code, error.message]).toEqual([
      "WB4702",
      'PaddleNLP\'s GPT: activation_function "gelu" is not supported',
    ]);
  });

  it("is read in the spelling of transformers 4 and of 5 alike", () => {
    const four = { rope_theta: 1e6, rope_scaling: null };
    const five = { rope_parameters: { rope_type: "default", rope_theta: 1e6 } };
    expect(config("Qwen3ForCausalLM", four).rope).toEqual(config("Qwen3ForCausalLM", five).rope);
    const gemma4 = { rope_local_base_freq: 5000, rope_theta: 2e6, sliding_window_pattern: 3 };
    const gemma5 = {
      rope_parameters: {
        full_attention: { rope_type: "default", rope_theta: 2e6 },
        sliding_attention: { rope_type: "default", rope_theta: 5000 },
      },
      layer_types: [1, 2, 3, 4, 5, 6].map((layer) =>
        layer % 3 === 0 ? "full_attention" : "sliding_attention",
      ),
    };
    const [old, now] = [gemma4, gemma5].map((fields) => {
      const { rope, windowRope, window } = config("Gemma3ForCausalLM", fields);
      return { rope, windowRope, window };
    });
    expect(old).toEqual(now);
  });

  it("of InternLM3 is LLaMA's with settings of its own names, which LLaMA cannot tell apart", async () => {
    const both = config("InternLM3ForCausalLM", { qkv_bias: true, bias: true, head_dim: 8 });
    const biases = expectedTensors(both).filter(({ name }) => name.endsWith(".bias"));
    expect(biases).toHaveLength(6 * 7);
    const error = await caught(() =>
      config("InternLM3ForCausalLM", { qkv_bias: true, bias: false }),
    );
    expect([error.code, error.message]).toEqual([
      "WB4702",
      "config.json: qkv_bias true is not supported",
    ]);
  });

  it.each([
    ["Gemma2ForCausalLM", { hidden_activation: "mish" }, "WB4702", "hidden_activation"],
    ["Gemma3ForCausalLM", { attn_logit_softcapping: 50 }, "WB4702", "attn_logit_softcapping"],
    ["Gemma3ForCausalLM", { use_bidirectional_attention: true }, "WB4702", "bidirectional"],
    ["Gemma3ForCausalLM", { layer_types: ["full_attention"] }, "WB3701", "layer_types"],
    [
      "Qwen2ForCausalLM",
      { use_sliding_window: true, layer_types: Array(6).fill("chunked_attention") },
      "WB4702",
      "layer_types",
    ],
    ["Phi3ForCausalLM", { partial_rotary_factor: 0.4 }, "WB3701", "partial_rotary_factor"],
    [
      "Phi3ForCausalLM",
      { rope_scaling: { type: "longrope", short_factor: [1], long_factor: [1] } },
      "WB3701",
      "short_factor: expected 4 numbers",
    ],
    ["MixtralForCausalLM", { num_experts_per_tok: 9 }, "WB3701", "num_experts_per_tok"],
    ["Qwen3MoeForCausalLM", { mlp_only_layers: [6] }, "WB3701", "mlp_only_layers"],
    ["Ernie4_5_MoeForCausalLM", { moe_k: 65 }, "WB3701", "moe_k: expected at most"],
    ["Ernie4_5_MoeForCausalLM", { moe_layer_start_index: "2" }, "WB3701", "moe_layer_start_index"],
    ["Ernie4_5_MoeForCausalLM", { moe_use_aux_free: false }, "WB4702", "moe_use_aux_free"],
    ["Ernie4_5_MoeForCausalLM", { use_bias: true }, "WB4702", "use_bias"],
    [
      "Glm4MoeForCausalLM",
      { n_group: 3 },
      "WB3701",
      "n_group: expected a divisor of the number of",
    ],
    ["Glm4MoeForCausalLM", { n_group: 4, topk_group: 5 }, "WB3701", "topk_group: expected at most"],
    [
      "Glm4MoeForCausalLM",
      { n_routed_experts: 8, n_group: 4, topk_group: 2, num_experts_per_tok: 5 },
      "WB3701",
      "num_experts_per_tok: expected at most 4, the experts of 2 of 4 groups",
    ],
    ["Glm4MoeForCausalLM", { scoring_func: "softmax" }, "WB4702", "scoring_func"],
    ["DeepseekV3ForCausalLM", {}, "WB3701", "num_key_value_heads: expected 4"],
    [
      "DeepseekV3ForCausalLM",
      { num_key_value_heads: 4, topk_method: "greedy" },
      "WB4702",
      "topk_method",
    ],
    [
      "DeepseekV3ForCausalLM",
      { num_key_value_heads: 4, qk_rope_head_dim: 5 },
      "WB3701",
      "qk_rope_head_dim: expected an even",
    ],
    [
      "DeepseekV2ForCausalLM",
      { num_key_value_heads: 4, norm_topk_prob: true, num_experts_per_tok: 6 },
      "WB4702",
      "norm_topk_prob",
    ],
    ["DeepseekV2ForCausalLM", { num_key_value_heads: 4 }, "WB3701", "num_experts_per_tok"],
    ["MistralForCausalLM", { hidden_act: "mish" }, "WB4702", "hidden_act"],
    ["GPT2LMHeadModel", { activation_function: "tanh" }, "WB4702", "activation_function"],
    ["GPTForCausalLM", { hidden_activation: "relu" }, "WB4702", "hidden_activation"],
    ["BertForMaskedLM", { position_embedding_type: "relative_key" }, "WB4702", "relative_key"],
    ["BertForMaskedLM", { is_decoder: true }, "WB4702", "is_decoder"],
    ["RobertaForMaskedLM", { max_position_embeddings: 2 }, "WB3701", "more than pad_token_id 1"],
    ["GPT2LMHeadModel", { n_head: 5 }, "WB3701", "n_head: expected a divisor of 32"],
    ["OPTForCausalLM", { layer_norm_elementwise_affine: false }, "WB4702", "elementwise_affine"],
    ["BloomForCausalLM", { slow_but_exact: true, pretraining_tp: 2 }, "WB4702", "slow_but_exact"],
  ] as const)("of %s with %j is refused by name", async (name, fields, code, word) => {
    const error = await caught(() => config(name, { num_key_value_heads: 2, ...fields }));
    expect(error.code).toBe(code);
    expect(error.message).toContain(word);
  });

  it.each([
    "LlamaForSequenceClassification",
    "Qwen2ForRewardModel",
    "MistralForTokenClassification",
  ])("of %s, a head that gives no next token, is refused by its class", async (name) => {
    const type = name.slice(0, name.indexOf("For")).toLowerCase();
    const text = JSON.stringify({ architectures: [name], model_type: type });
    const error = await caught(() => parseModelConfig(text, "config.json"));
    expect(error.code).toBe("WB4701");
    expect(error.message).toContain(`architecture ${name} has another head than`);
  });

  it("of an unknown family names the nearest known, and what still works", async () => {
    const error = await caught(() => config("Qwen4ForCausalLM"));
    expect(error.code).toBe("WB4701");
    expect(error.message).toContain(
      "architecture Qwen4ForCausalLM is not supported; the nearest known is Qwen2ForCausalLM; inspect, scan, and convert and diff with --architecture none work all the same; known are InternLMForCausalLM",
    );
  });
});

/** The config.json of PaddleNLP's class for a GLM. */
function paddleGlm(fields: Readonly<Record<string, unknown>>): string {
  const read = config("GlmForCausalLM", { head_dim: 8, ...fields });
  return JSON.stringify(familyOf(read.family).paddleClass?.fields(read));
}

it("of RoBERTa tells that the head has GELU, whatever the layers have", () => {
  const { activation, encoder } = config("RobertaForMaskedLM", { hidden_act: "relu" });
  expect([activation, encoder?.headActivation]).toEqual(["relu", "gelu"]);
});

describe("what stock classes ask for", () => {
  it("has a window in Gemma 2's and 3's config.json though no layer has one", () => {
    for (const name of ["Gemma2ForCausalLM", "Gemma3ForCausalLM"]) {
      const read = config(name, { layer_types: Array(6).fill("full_attention") });
      expect(read.window).toBeUndefined();
      expect(hfConfig(read, "F32")).toContain('"sliding_window": 4096');
    }
  });

  it("refuses what PaddleNLP's ChatGLM-v2 has no field for", async () => {
    expect(paddleGlm({ head_dim: 16 })).toContain('"kv_channels":16');
    const share = await caught(() => paddleGlm({ partial_rotary_factor: 0.25 }));
    expect([share.code, share.message]).toEqual([
      "WB4702",
      "PaddleNLP's ChatGLM-v2: partial_rotary_factor 0.25 is not supported",
    ]);
    expect((await caught(() => paddleGlm({ hidden_act: "relu" }))).message).toContain("hidden_act");
  });
});
