import { describe, expect, it } from "vitest";
import { generationConfig, hfConfig } from "../../src/model/config/stock.ts";
import { parseModelConfig } from "../../src/model/config/parse.ts";
import { internlmConfig } from "../support/model-config.ts";

describe("hfConfig", () => {
  it("says LlamaForCausalLM with attention biases, and nothing of remote code", () => {
    expect(hfConfig(internlmConfig(), "F16")).toMatchInlineSnapshot(`
      "{
        "architectures": [
          "LlamaForCausalLM"
        ],
        "model_type": "llama",
        "attention_bias": true,
        "mlp_bias": false,
        "vocab_size": 103168,
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
        "head_dim": 128,
        "hidden_act": "silu",
        "max_position_embeddings": 2048,
        "rms_norm_eps": 0.000001,
        "rope_theta": 10000,
        "rope_scaling": null,
        "tie_word_embeddings": false,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
        "torch_dtype": "float16",
        "weighbridge_source_family": "internlm",
        "initializer_range": 0.02,
        "use_cache": true
      }
      "
    `);
  });

  it.each([
    ["factor 2", { type: "dynamic", scaling_factor: 2 }, '"factor": 2.0\n'],
    [
      "factor 1, which old transformers refuse",
      { type: "dynamic" },
      '"factor": 1.0000000000000002\n',
    ],
    ["factor 1.5", { type: "dynamic", scaling_factor: 1.5 }, '"factor": 1.5\n'],
  ])("writes dynamic NTK with exactly type and a float factor: %s", (_name, rotary, line) => {
    const text = hfConfig(internlmConfig({ rotary }), "F16");
    expect(text).toContain(`"rope_scaling": {\n    "type": "dynamic",\n    ${line}  }`);
  });

  const kinds = [
    {},
    { rotary: { type: "dynamic" } },
    { rotary: { type: "dynamic", scaling_factor: 2, base: 20000 } },
    { rope_scaling: { type: "linear", factor: 4 } },
    {
      rope_scaling: {
        rope_type: "llama3",
        factor: 8,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 1024,
      },
    },
    { rope_scaling: { rope_type: "yarn", factor: 4, original_max_position_embeddings: 512 } },
    { num_key_value_heads: 8, eos_token_id: [2, 103028], tie_word_embeddings: true, bias: false },
  ];

  it.each(kinds)("of %j reads back as the same model, twice over", (fields) => {
    const config = internlmConfig(fields);
    const once = parseModelConfig(hfConfig(config, "BF16"), "config.json");
    const twice = parseModelConfig(hfConfig(once, "BF16"), "config.json");
    const expected = {
      ...config,
      family: "llama",
      architecture: "LlamaForCausalLM",
      torchDtype: "BF16",
      raw: once.raw,
    };
    expect(once).toEqual(expected);
    expect({ ...twice, raw: once.raw }).toEqual(expected);
  });
});

describe("generationConfig", () => {
  it("holds the token ids", () => {
    expect(JSON.parse(generationConfig(internlmConfig({ eos_token_id: [2, 103028] })))).toEqual({
      _from_model_config: true,
      bos_token_id: 1,
      eos_token_id: [2, 103028],
      pad_token_id: 0,
    });
  });
});
