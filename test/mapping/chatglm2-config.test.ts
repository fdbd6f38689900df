import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseModelConfig } from "../../src/model/config/parse.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { isRecord } from "../support/is-record.ts";

function configOf(folder: string, changes: Readonly<Record<string, unknown>>): string {
  const raw: unknown = JSON.parse(readFileSync(join(FIXTURES, folder, "config.json"), "utf8"));
  if (!isRecord(raw)) throw new Error("no object");
  return JSON.stringify({ ...raw, ...changes });
}

describe("config.json of ChatGLM2", () => {
  it.each([
    ["multi_query_attention", false],
    ["rmsnorm", false],
    ["post_layer_norm", false],
    ["add_bias_linear", true],
    ["original_rope", false],
    ["apply_residual_connection_post_layernorm", true],
    ["quantization_bit", 4],
    ["pre_seq_len", 128],
  ])("with %s %j is refused by name", (field, value) => {
    expect(() => parseModelConfig(configOf("chatglm2", { [field]: value }), "config.json")).toThrow(
      expect.objectContaining({
        code: "WB4702",
        message: expect.stringContaining(field) as unknown,
      }),
    );
  });

  it("has no groups in the authors' class unless it says so, which is refused, and one in PaddleNLP's", () => {
    const silent = { multi_query_attention: undefined };
    expect(() => parseModelConfig(configOf("chatglm2", silent), "config.json")).toThrow(
      /multi_query_attention/,
    );
    const paddle = configOf("chatglm2-paddle", {
      multi_query_group_num: undefined,
      add_qkv_bias: undefined,
    });
    expect(parseModelConfig(paddle, "config.json")).toMatchObject({
      kvHeads: 1,
      attentionBias: false,
    });
  });

  it("takes a rope_ratio of 1, which changes nothing", () => {
    const { rope } = parseModelConfig(configOf("chatglm2", { rope_ratio: 1 }), "config.json");
    expect(rope).toEqual({ theta: 10_000, scaling: { kind: "none" } });
  });

  it("multiplies the base by rope_ratio, as ChatGLM3 and GLM-4-9B do", () => {
    const { rope } = parseModelConfig(configOf("chatglm2", { rope_ratio: 500 }), "config.json");
    expect(rope).toEqual({ theta: 5_000_000, scaling: { kind: "none" } });
  });

  it("of ChatGLM2-6B-32k, which divides positions by rope_ratio, is refused where its name is there", () => {
    const published = { rope_ratio: 50, _name_or_path: "THUDM/chatglm2-6b-32k" };
    expect(() => parseModelConfig(configOf("chatglm2", published), "config.json")).toThrow(
      expect.objectContaining({
        code: "WB4702",
        message: expect.stringContaining("rope_ratio 50") as unknown,
      }),
    );
  });

  it("is told by PaddleNLP's model_type alone, and ends texts with 2 where it does not say", () => {
    const bare = configOf("chatglm2-paddle", { architectures: undefined, eos_token_id: undefined });
    const config = parseModelConfig(bare, "config.json");
    expect([config.family, config.eosTokenIds]).toEqual(["chatglm2", [2]]);
  });
});
