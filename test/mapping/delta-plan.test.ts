import { describe, expect, it } from "vitest";
import { planDelta } from "../../src/mapping/delta-plan.ts";
import type { RecipeChoice } from "../../src/mapping/delta-recipe.ts";
import type { PlanOptions } from "../../src/mapping/plan.ts";
import { renderPlan } from "../../src/mapping/render-plan.ts";
import type { StoredTensor } from "../../src/tensor/table.ts";
import { caught } from "../support/caught.ts";
import { countingBytes, memoryCheckpoint, memoryTensor } from "../support/memory-checkpoint.ts";
import { internlmConfig, SMALL } from "../support/model-config.ts";
import { numberedModel, writtenModel, type Writing } from "../support/written-model.ts";

const TORCH: Writing = {
  layout: "torch",
  prefix: (name) => name,
  isColumnMajor: false,
  isFused: false,
  tp: 1,
};
const PADDLE: Writing = {
  ...TORCH,
  layout: "paddle",
  prefix: (name) => name.replace(/^model\./, "llama."),
};

/** One layer of a model, with a vocabulary of any size. */
function side(words: number, how: Writing = TORCH) {
  const config = internlmConfig({ ...SMALL, num_hidden_layers: 1, bias: false, vocab_size: words });
  return { config, tensors: writtenModel(numberedModel(config), config, how) };
}

function plan(
  base: ReturnType<typeof side>,
  delta: ReturnType<typeof side>,
  choice: RecipeChoice = {},
  options: Partial<PlanOptions> = {},
) {
  const opened = (path: string, { config, tensors }: ReturnType<typeof side>) => ({
    config,
    checkpoint: memoryCheckpoint(tensors, { path }),
  });
  const all = { to: "safetensors" as const, ...options };
  return planDelta(opened("base", base), opened("delta", delta), all, choice);
}

function inHalves({ config, tensors }: ReturnType<typeof side>): ReturnType<typeof side> {
  return { config, tensors: tensors.map(half) };
}

function half({ name, shape }: StoredTensor): StoredTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return memoryTensor(name, "F16", shape, countingBytes("F16", count));
}

describe("the plan of a sum", () => {
  it("names both sides, the dtype of the addition and the new rows", () => {
    expect(renderPlan(plan(side(40), side(41, PADDLE)))).toMatchInlineSnapshot(`
      "add       model.embed_tokens.weight [41, 16] F32 from model.embed_tokens.weight + llama.embed_tokens.weight@delta  (base F32 + delta F32, added in F32 as alpaca does; 1 new row: the mean of the base's, plus the delta)
      add       model.layers.0.self_attn.q_proj.weight [16, 16] F32 from model.layers.0.self_attn.q_proj.weight + llama.layers.0.self_attn.q_proj.weight@delta  (base F32 + delta F32, added in F32 as alpaca does)
      add       model.layers.0.self_attn.k_proj.weight [16, 16] F32 from model.layers.0.self_attn.k_proj.weight + llama.layers.0.self_attn.k_proj.weight@delta  (base F32 + delta F32, added in F32 as alpaca does)
      add       model.layers.0.self_attn.v_proj.weight [16, 16] F32 from model.layers.0.self_attn.v_proj.weight + llama.layers.0.self_attn.v_proj.weight@delta  (base F32 + delta F32, added in F32 as alpaca does)
      add       model.layers.0.self_attn.o_proj.weight [16, 16] F32 from model.layers.0.self_attn.o_proj.weight + llama.layers.0.self_attn.o_proj.weight@delta  (base F32 + delta F32, added in F32 as alpaca does)
      add       model.layers.0.mlp.gate_proj.weight [24, 16] F32 from model.layers.0.mlp.gate_proj.weight + llama.layers.0.mlp.gate_proj.weight@delta  (base F32 + delta F32, added in F32 as alpaca does)
      add       model.layers.0.mlp.up_proj.weight [24, 16] F32 from model.layers.0.mlp.up_proj.weight + llama.layers.0.mlp.up_proj.weight@delta  (base F32 + delta F32, added in F32 as alpaca does)
      add       model.layers.0.mlp.down_proj.weight [16, 24] F32 from model.layers.0.mlp.down_proj.weight + llama.layers.0.mlp.down_proj.weight@delta  (base F32 + delta F32, added in F32 as alpaca does)
      add       model.layers.0.input_layernorm.weight [16] F32 from model.layers.0.input_layernorm.weight + llama.layers.0.input_layernorm.weight@delta  (base F32 + delta F32, added in F32 as alpaca does)
      add       model.layers.0.post_attention_layernorm.weight [16] F32 from model.layers.0.post_attention_layernorm.weight + llama.layers.0.post_attention_layernorm.weight@delta  (base F32 + delta F32, added in F32 as alpaca does)
      add       model.norm.weight [16] F32 from model.norm.weight + llama.norm.weight@delta  (base F32 + delta F32, added in F32 as alpaca does)
      add       lm_head.weight [41, 16] F32 from lm_head.weight + lm_head.weight@delta  (base F32 + delta F32, added in F32 as alpaca does; 1 new row: the mean of the base's, plus the delta)

      12 tensors, 14144 bytes; 0 dropped
      source layout: torch (4 tensors say so: model.layers.0.mlp.gate_proj.weight shape [24, 16] can only be [out, in]); target layout: torch"
    `);
  });

  it("takes FastChat's arithmetic for halves, and casts the sum where asked to", () => {
    const sum = plan(side(40), inHalves(side(41)), {}, { to: "paddle", dtype: "F32" });
    expect(sum.recipe).toMatchObject({ name: "fastchat", dtype: "F16", newRows: "zero" });
    expect(sum.newWords).toBe(1);
    const head = sum.steps.find((step) => step.kind === "add" && step.to === "lm_head.weight");
    expect(head).toMatchObject({
      cast: "F32",
      assembly: { shape: [16, 40] },
      addend: { dtype: "F16", axis: 1, assembly: { shape: [16, 41] } },
    });
  });

  it("takes the recipe and the dtype that are asked for", () => {
    const { recipe } = plan(side(40), side(40), { recipe: "fastchat", dtype: "BF16" });
    expect(recipe).toMatchObject({ name: "fastchat", dtype: "BF16", why: "as asked for" });
  });
});

describe("what cannot be added", () => {
  it("WB2703: a delta whose dtype tells no recipe", async () => {
    const mixed = side(40);
    const [first, ...rest] = inHalves(mixed).tensors;
    const tensors = [...(first === undefined ? [] : [first]), ...mixed.tensors.slice(1)];
    expect(rest.length).toBe(tensors.length - 1);
    const error = await caught(() => plan(side(40), { ...mixed, tensors }));
    expect(error.code).toBe("WB2703");
    expect(error.message).toMatchInlineSnapshot(
      `"delta: its tensors are F16 and F32, which neither FastChat's script (F16) nor Alpaca's (F32) saves"`,
    );
  });

  it("WB3706: a delta of another model names every tensor", async () => {
    const wide = internlmConfig({
      ...SMALL,
      num_hidden_layers: 2,
      bias: false,
      intermediate_size: 32,
    });
    const other = { config: wide, tensors: writtenModel(numberedModel(wide), wide, TORCH) };
    const error = await caught(() => plan(side(40), other));
    expect(error.code).toBe("WB3706");
    expect(error.message).toMatchInlineSnapshot(`
      "delta is no delta for base:
        model.layers.0.mlp.gate_proj.weight: the base has [24, 16], the delta [32, 16]
        model.layers.0.mlp.up_proj.weight: the base has [24, 16], the delta [32, 16]
        model.layers.0.mlp.down_proj.weight: the base has [16, 24], the delta [16, 32]
        model.layers.1.self_attn.q_proj.weight: only the delta has it
        model.layers.1.self_attn.k_proj.weight: only the delta has it
        model.layers.1.self_attn.v_proj.weight: only the delta has it
        model.layers.1.self_attn.o_proj.weight: only the delta has it
        model.layers.1.mlp.gate_proj.weight: only the delta has it
        model.layers.1.mlp.up_proj.weight: only the delta has it
        model.layers.1.mlp.down_proj.weight: only the delta has it
        and 2 more"
    `);
  });

  it("WB3706: a delta with fewer words than its base", async () => {
    const error = await caught(() => plan(side(41), side(40)));
    expect(error.message).toMatchInlineSnapshot(`
      "delta is no delta for base:
        model.embed_tokens.weight: the base has [41, 16], the delta [40, 16]
        lm_head.weight: the base has [41, 16], the delta [40, 16]"
    `);
  });
});
