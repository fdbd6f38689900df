import { describe, expect, it } from "vitest";
import type { ModelConfig } from "../../src/model/config/model-config.ts";
import { parseModelConfig } from "../../src/model/config/parse.ts";
import { hfConfig } from "../../src/model/config/stock.ts";
import { expectedTensors } from "../../src/model/tensors.ts";

function qwen2(fields: Readonly<Record<string, unknown>> = {}): ModelConfig {
  const text = JSON.stringify({
    architectures: ["Qwen2ForCausalLM"],
    model_type: "qwen2",
    hidden_size: 48,
    intermediate_size: 88,
    num_attention_heads: 6,
    num_key_value_heads: 2,
    num_hidden_layers: 2,
    vocab_size: 344,
    rope_theta: 1_000_000,
    max_position_embeddings: 512,
    use_sliding_window: false,
    sliding_window: 4096,
    max_window_layers: 1,
    ...fields,
  });
  return parseModelConfig(text, "config.json");
}

describe("Qwen2", () => {
  it("has biases on queries, keys and values, never on the output, whatever config.json says", () => {
    for (const fields of [{}, { attention_bias: false }]) {
      const names = expectedTensors(qwen2(fields)).map(({ name }) => name);
      expect(names.filter((name) => name.endsWith(".bias"))).toEqual(
        [0, 1].flatMap((layer) =>
          ["q", "k", "v"].map((letter) => `model.layers.${layer}.self_attn.${letter}_proj.bias`),
        ),
      );
    }
  });

  it("takes a window that is written and not used, or that no layer uses", () => {
    expect(qwen2().layers).toBe(2);
    expect(qwen2({ use_sliding_window: true, max_window_layers: 2 }).layers).toBe(2);
    expect(qwen2({ use_sliding_window: true, sliding_window: null }).layers).toBe(2);
  });

  it("has a window in the layers that use it", () => {
    expect(qwen2({ use_sliding_window: true }).window).toEqual({
      size: 4096,
      layers: [false, true],
    });
  });

  it("is written for its stock class, whose config has no switch for biases", () => {
    const written: unknown = JSON.parse(hfConfig(qwen2(), "BF16"));
    expect(written).toMatchObject({
      architectures: ["Qwen2ForCausalLM"],
      model_type: "qwen2",
      rope_theta: 1_000_000,
      use_sliding_window: false,
    });
    expect(written).not.toHaveProperty("attention_bias");
  });
});
