import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { chooseTemplate, type ChatModel } from "../../../src/runtime/chat/choose-template.ts";
import { openTokenizer, type Tokenizer } from "../../../src/runtime/tokenizer/tokenizer.ts";
import { caught } from "../../support/caught.ts";
import { FIXTURES } from "../../support/fixture-manifest.ts";

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await openTokenizer(join(FIXTURES, "tokenizers/llama"));
});

function model(
  facts: Partial<ChatModel>,
  templates: readonly (readonly [string, string])[] = [],
): ChatModel {
  const settings = { ...tokenizer.settings, chatTemplates: new Map(templates) };
  const own = { ...tokenizer, settings };
  return { folder: "/models/some", config: {}, recipe: undefined, ...facts, tokenizer: own };
}

function chosen(facts: Partial<ChatModel>): readonly string[] {
  const { template, why } = chooseTemplate(model(facts), undefined);
  return [template.name, why];
}

describe("a chat template that nobody names", () => {
  it("is the tokenizer's own before any other", () => {
    const internlm = model({ config: { model_type: "internlm" } }, [["default", "J"]]);
    const { template, why } = chooseTemplate(internlm, undefined);
    expect([template.name, why, template.render([])]).toEqual([
      "default",
      "the tokenizer's chat_template",
      "J",
    ]);
  });

  it("is that of InternLM's generation, by the fields of its config.json", () => {
    const config = { model_type: "internlm" };
    expect(chosen({ config })[0]).toBe("internlm-2023-07");
    expect(chosen({ config: { ...config, rotary: { base: 10000 } } })[0]).toBe("internlm-2023-09");
    expect(chosen({ config: { ...config, rope_theta: 10000 } })).toEqual([
      "internlm-2024-01",
      "config.json is InternLM's, with rope_theta",
    ]);
  });

  it("is Alpaca's or Vicuna's where the weights came of their delta, or are called so", () => {
    const config = { model_type: "llama" };
    expect(chosen({ config, recipe: "alpaca" })[0]).toBe("alpaca");
    expect(chosen({ config, recipe: "fastchat" })[0]).toBe("vicuna-v1.1");
    expect(chosen({ config, folder: "/models/Vicuna-7b" })).toEqual([
      "vicuna-v1.1",
      "it is called Vicuna-7b",
    ]);
    expect(chosen({ config: { ...config, _name_or_path: "x/alpaca-7b" } })[0]).toBe("alpaca");
    expect(chosen({ config: { architectures: ["ChatGLMModel"] } })[0]).toBe("chatglm2");
  });

  it("WB2803: is not chosen by us; the known ones are listed", async () => {
    const error = await caught(() => chosen({ folder: "/vicuna/llama-7b" }));
    expect(error.code).toBe("WB2803");
    expect(error.message).toMatchInlineSnapshot(
      `"/vicuna/llama-7b: no chat_template in the tokenizer's files, and config.json does not tell which template this model was trained with; known are internlm-2023-07, internlm-2023-09, internlm-2024-01, alpaca, alpaca-fastchat, vicuna-v1.1, chatglm2"`,
    );
  });
});

describe("a chat template by its name", () => {
  it("is one of the tokenizer's, or a built-in one", async () => {
    const named = model({}, [["tool_use", "T"]]);
    expect(chooseTemplate(named, "tool_use").template.render([])).toBe("T");
    expect(chooseTemplate(named, "vicuna-v1.1").why).toBe("as asked for");
    const error = await caught(() => chooseTemplate(named, "nothing"));
    expect(error.code).toBe("WB2803");
    expect(error.message).toContain("known are tool_use, internlm-2023-07,");
  });
});
