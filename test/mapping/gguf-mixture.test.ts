import { describe, expect, it } from "vitest";
import { mixtureType, type Mixture } from "../../src/mapping/gguf-mixture.ts";
import type { ModelConfig } from "../../src/model/config/model-config.ts";
import { expectedTensors } from "../../src/model/tensors.ts";
import { internlmConfig } from "../support/model-config.ts";

/** The types of a model's matrices, those of the same type together: names with layers as `{i}`, and which layers. */
function types(config: ModelConfig, mixture: Mixture, isTied = false): Record<string, string[]> {
  const found = new Map<string, number[]>();
  for (const spec of expectedTensors(config)) {
    if (spec.shape.length < 2) continue;
    const { class: kind, role } = spec.parameter;
    const tensor = { class: kind, shape: spec.shape, roles: [role], layer: spec.layer };
    const type = mixtureType(tensor, mixture, { config, isTied });
    const key = `${type} ${spec.parameter.name.replace("model.", "").replace("layers.{i}.", "")}`;
    found.set(key, [...(found.get(key) ?? []), spec.layer]);
  }
  const grouped: Record<string, string[]> = {};
  for (const [key, layers] of found) {
    const [type = "", name = ""] = key.split(" ");
    const all = layers.length === config.layers || layers[0] === -1;
    (grouped[type] ??= []).push(all ? name : `${name} in ${layers.join(" ")}`);
  }
  return grouped;
}

describe("what a mixture makes of a model's matrices", () => {
  it("Q4_K_M of a 7B model", () => {
    const more = "0 1 2 3 6 9 12 15 18 21 24 27 28 29 30 31";
    const fewer = "4 5 7 8 10 11 13 14 16 17 19 20 22 23 25 26";
    expect(types(internlmConfig(), "Q4_K_M")).toEqual({
      Q4_K: [
        "embed_tokens.weight",
        "self_attn.q_proj.weight",
        "self_attn.k_proj.weight",
        "self_attn.o_proj.weight",
        "mlp.gate_proj.weight",
        "mlp.up_proj.weight",
        `self_attn.v_proj.weight in ${fewer}`,
        `mlp.down_proj.weight in ${fewer}`,
      ],
      Q6_K: [
        `self_attn.v_proj.weight in ${more}`,
        `mlp.down_proj.weight in ${more}`,
        "lm_head.weight",
      ],
    });
  });

  it("80 layers with shared values keep those in Q5_K", () => {
    const config = { ...internlmConfig(), layers: 80, kvHeads: 8 };
    const { Q5_K: found = [] } = types(config, "Q4_K_M");
    expect(found).toEqual([
      expect.stringContaining("self_attn.v_proj.weight in 10 11 13 14 16 17"),
    ]);
    expect(types({ ...config, kvHeads: 32 }, "Q4_K_M")["Q5_K"]).toBeUndefined();
  });

  it.each([
    [64, "Q4_K_M", ["Q5_0", "Q8_0"]],
    [64, "Q6_K", ["Q8_0"]],
    [40, "Q4_K_M", ["F16"]],
    [64, "Q4_0", ["Q4_0", "Q8_0"]],
    [256, "Q4_0", ["Q4_0", "Q6_K"]],
  ] as const)("rows of %i in %s are %j", (hiddenSize, mixture, expected) => {
    const config = { ...internlmConfig(), hiddenSize, intermediateSize: hiddenSize, layers: 1 };
    const small = { ...config, heads: 1, kvHeads: 1, headDim: hiddenSize };
    expect(Object.keys(types(small, mixture)).toSorted()).toEqual(expected);
  });

  it("embeddings that stand for the head have the head's type", () => {
    expect(types(internlmConfig(), "Q4_0", true)["Q6_K"]).toContain("embed_tokens.weight");
    expect(types(internlmConfig(), "Q4_0")["Q6_K"]).toEqual(["lm_head.weight"]);
  });
});
