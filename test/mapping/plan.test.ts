import { describe, expect, it } from "vitest";
import { planConversion, type PlanOptions } from "../../src/mapping/plan.ts";
import { renderPlan } from "../../src/mapping/render-plan.ts";
import type { StoredTensor } from "../../src/tensor/table.ts";
import { caught } from "../support/caught.ts";
import { countingBytes, memoryCheckpoint, memoryTensor } from "../support/memory-checkpoint.ts";
import { internlmConfig, SMALL } from "../support/model-config.ts";
import { numberedModel, storedGrid, writtenModel, type Writing } from "../support/written-model.ts";

const CONFIG = internlmConfig(SMALL);
const TRUTH = numberedModel(CONFIG);
const PADDLE: Writing = {
  layout: "paddle",
  prefix: (name) => name.replace(/^model\./, "llama."),
  isColumnMajor: false,
  isFused: false,
  tp: 1,
};

function written(how: Partial<Writing> = {}): StoredTensor[] {
  return writtenModel(TRUTH, CONFIG, { ...PADDLE, ...how });
}

function plan(tensors: readonly StoredTensor[], options: Partial<PlanOptions> = {}) {
  return planConversion(memoryCheckpoint(tensors), CONFIG, { to: "safetensors", ...options });
}

function vector(name: string, size = 16): StoredTensor {
  return memoryTensor(name, "F32", [size], countingBytes("F32", size));
}

function isPart({ name, rank }: StoredTensor): boolean {
  return name === "llama.embed_tokens.weight" && rank?.tp === 1;
}

describe("a plan, printed", () => {
  it("of PaddleNLP's layout says what is transposed and why", () => {
    const inverse = [0, 1].map((layer) =>
      vector(`llama.layers.${layer}.self_attn.rotary_emb.inv_freq`, 2),
    );
    expect(renderPlan(plan([...written(), ...inverse], { dtype: "F16" }))).toMatchInlineSnapshot(`
      "copy      model.embed_tokens.weight [40, 16] F32 → F16 from llama.embed_tokens.weight  (as stored)
      transpose model.layers.{0..1}.self_attn.q_proj.weight ×2 [16, 16] F32 → F16 from llama.layers.{0..1}.self_attn.q_proj.weight  (Paddle Linear stores [in, out]; torch stores [out, in])
      copy      model.layers.{0..1}.self_attn.q_proj.bias ×2 [16] F32 → F16 from llama.layers.{0..1}.self_attn.q_proj.bias  (as stored)
      transpose model.layers.{0..1}.self_attn.k_proj.weight ×2 [16, 16] F32 → F16 from llama.layers.{0..1}.self_attn.k_proj.weight  (Paddle Linear stores [in, out]; torch stores [out, in])
      copy      model.layers.{0..1}.self_attn.k_proj.bias ×2 [16] F32 → F16 from llama.layers.{0..1}.self_attn.k_proj.bias  (as stored)
      transpose model.layers.{0..1}.self_attn.v_proj.weight ×2 [16, 16] F32 → F16 from llama.layers.{0..1}.self_attn.v_proj.weight  (Paddle Linear stores [in, out]; torch stores [out, in])
      copy      model.layers.{0..1}.self_attn.v_proj.bias ×2 [16] F32 → F16 from llama.layers.{0..1}.self_attn.v_proj.bias  (as stored)
      transpose model.layers.{0..1}.self_attn.o_proj.weight ×2 [16, 16] F32 → F16 from llama.layers.{0..1}.self_attn.o_proj.weight  (Paddle Linear stores [in, out]; torch stores [out, in])
      copy      model.layers.{0..1}.self_attn.o_proj.bias ×2 [16] F32 → F16 from llama.layers.{0..1}.self_attn.o_proj.bias  (as stored)
      transpose model.layers.{0..1}.mlp.gate_proj.weight ×2 [24, 16] F32 → F16 from llama.layers.{0..1}.mlp.gate_proj.weight  (Paddle Linear stores [in, out]; torch stores [out, in])
      transpose model.layers.{0..1}.mlp.up_proj.weight ×2 [24, 16] F32 → F16 from llama.layers.{0..1}.mlp.up_proj.weight  (Paddle Linear stores [in, out]; torch stores [out, in])
      transpose model.layers.{0..1}.mlp.down_proj.weight ×2 [16, 24] F32 → F16 from llama.layers.{0..1}.mlp.down_proj.weight  (Paddle Linear stores [in, out]; torch stores [out, in])
      copy      model.layers.{0..1}.input_layernorm.weight ×2 [16] F32 → F16 from llama.layers.{0..1}.input_layernorm.weight  (as stored)
      copy      model.layers.{0..1}.post_attention_layernorm.weight ×2 [16] F32 → F16 from llama.layers.{0..1}.post_attention_layernorm.weight  (as stored)
      copy      model.norm.weight [16] F32 → F16 from llama.norm.weight  (as stored)
      transpose lm_head.weight [40, 16] F32 → F16  (Paddle Linear stores [in, out]; torch stores [out, in])
      drop      llama.layers.{0..1}.self_attn.rotary_emb.inv_freq ×2  (rotary tables are computed from config.json; the stored ones have no effect)

      29 tensors, 11680 bytes; 2 dropped
      source layout: paddle (7 tensors say so: llama.layers.0.mlp.gate_proj.weight shape [16, 24] can only be [in, out]); target layout: torch"
    `);
  });

  it("of fused weights on two ranks says how they are split", () => {
    expect(renderPlan(plan(written({ isFused: true, tp: 2 })))).toMatchInlineSnapshot(`
      "merge     model.embed_tokens.weight [40, 16] F32 from llama.embed_tokens.weight on 2 ranks  (tensor-parallel parts of 2 ranks)
      merge     model.layers.{0..1}.self_attn.q_proj.weight ×2 [16, 16] F32 from llama.layers.{0..1}.self_attn.qkv_proj.weight on 2 ranks  (split from qkv_proj, which goes by key-value head: its queries, its key, its value; parts of 2 ranks)
      merge     model.layers.{0..1}.self_attn.q_proj.bias ×2 [16] F32 from llama.layers.{0..1}.self_attn.qkv_proj.bias on 2 ranks  (split from qkv_proj, which goes by key-value head: its queries, its key, its value; parts of 2 ranks)
      merge     model.layers.{0..1}.self_attn.k_proj.weight ×2 [16, 16] F32 from llama.layers.{0..1}.self_attn.qkv_proj.weight on 2 ranks  (split from qkv_proj, which goes by key-value head: its queries, its key, its value; parts of 2 ranks)
      merge     model.layers.{0..1}.self_attn.k_proj.bias ×2 [16] F32 from llama.layers.{0..1}.self_attn.qkv_proj.bias on 2 ranks  (split from qkv_proj, which goes by key-value head: its queries, its key, its value; parts of 2 ranks)
      merge     model.layers.{0..1}.self_attn.v_proj.weight ×2 [16, 16] F32 from llama.layers.{0..1}.self_attn.qkv_proj.weight on 2 ranks  (split from qkv_proj, which goes by key-value head: its queries, its key, its value; parts of 2 ranks)
      merge     model.layers.{0..1}.self_attn.v_proj.bias ×2 [16] F32 from llama.layers.{0..1}.self_attn.qkv_proj.bias on 2 ranks  (split from qkv_proj, which goes by key-value head: its queries, its key, its value; parts of 2 ranks)
      merge     model.layers.{0..1}.self_attn.o_proj.weight ×2 [16, 16] F32 from llama.layers.{0..1}.self_attn.o_proj.weight on 2 ranks  (Paddle Linear stores [in, out]; torch stores [out, in]; tensor-parallel parts of 2 ranks)
      merge     model.layers.{0..1}.self_attn.o_proj.bias ×2 [16] F32 from llama.layers.{0..1}.self_attn.o_proj.bias on 2 ranks  (the same on all 2 tensor-parallel ranks; rank 0 is taken)
      merge     model.layers.{0..1}.mlp.gate_proj.weight ×2 [24, 16] F32 from llama.layers.{0..1}.mlp.gate_up_fused_proj.weight on 2 ranks  (split from gate_up_fused_proj, which holds gate, then up; parts of 2 ranks)
      merge     model.layers.{0..1}.mlp.up_proj.weight ×2 [24, 16] F32 from llama.layers.{0..1}.mlp.gate_up_fused_proj.weight on 2 ranks  (split from gate_up_fused_proj, which holds gate, then up; parts of 2 ranks)
      merge     model.layers.{0..1}.mlp.down_proj.weight ×2 [16, 24] F32 from llama.layers.{0..1}.mlp.down_proj.weight on 2 ranks  (Paddle Linear stores [in, out]; torch stores [out, in]; tensor-parallel parts of 2 ranks)
      merge     model.layers.{0..1}.input_layernorm.weight ×2 [16] F32 from llama.layers.{0..1}.input_layernorm.weight on 2 ranks  (the same on all 2 tensor-parallel ranks; rank 0 is taken)
      merge     model.layers.{0..1}.post_attention_layernorm.weight ×2 [16] F32 from llama.layers.{0..1}.post_attention_layernorm.weight on 2 ranks  (the same on all 2 tensor-parallel ranks; rank 0 is taken)
      merge     model.norm.weight [16] F32 from llama.norm.weight on 2 ranks  (the same on all 2 tensor-parallel ranks; rank 0 is taken)
      merge     lm_head.weight [40, 16] F32 from lm_head.weight on 2 ranks  (Paddle Linear stores [in, out]; torch stores [out, in]; tensor-parallel parts of 2 ranks)

      29 tensors, 23360 bytes; 0 dropped
      source layout: paddle (9 tensors say so: llama.layers.0.self_attn.qkv_proj.weight shape [16, 24] can only be [in, out]); target layout: torch"
    `);
  });

  it("to Paddle from torch's layout transposes the Linear weights and renames", () => {
    const tensors = written({ layout: "torch", prefix: (name) => name });
    expect(renderPlan(plan(tensors, { to: "paddle" }))).toMatchInlineSnapshot(`
      "copy      llama.embed_tokens.weight [40, 16] F32 from model.embed_tokens.weight  (as stored)
      transpose llama.layers.{0..1}.self_attn.q_proj.weight ×2 [16, 16] F32 from model.layers.{0..1}.self_attn.q_proj.weight  (torch Linear stores [out, in]; the target's layout is Paddle's, [in, out])
      copy      llama.layers.{0..1}.self_attn.q_proj.bias ×2 [16] F32 from model.layers.{0..1}.self_attn.q_proj.bias  (as stored)
      transpose llama.layers.{0..1}.self_attn.k_proj.weight ×2 [16, 16] F32 from model.layers.{0..1}.self_attn.k_proj.weight  (torch Linear stores [out, in]; the target's layout is Paddle's, [in, out])
      copy      llama.layers.{0..1}.self_attn.k_proj.bias ×2 [16] F32 from model.layers.{0..1}.self_attn.k_proj.bias  (as stored)
      transpose llama.layers.{0..1}.self_attn.v_proj.weight ×2 [16, 16] F32 from model.layers.{0..1}.self_attn.v_proj.weight  (torch Linear stores [out, in]; the target's layout is Paddle's, [in, out])
      copy      llama.layers.{0..1}.self_attn.v_proj.bias ×2 [16] F32 from model.layers.{0..1}.self_attn.v_proj.bias  (as stored)
      transpose llama.layers.{0..1}.self_attn.o_proj.weight ×2 [16, 16] F32 from model.layers.{0..1}.self_attn.o_proj.weight  (torch Linear stores [out, in]; the target's layout is Paddle's, [in, out])
      copy      llama.layers.{0..1}.self_attn.o_proj.bias ×2 [16] F32 from model.layers.{0..1}.self_attn.o_proj.bias  (as stored)
      transpose llama.layers.{0..1}.mlp.gate_proj.weight ×2 [16, 24] F32 from model.layers.{0..1}.mlp.gate_proj.weight  (torch Linear stores [out, in]; the target's layout is Paddle's, [in, out])
      transpose llama.layers.{0..1}.mlp.up_proj.weight ×2 [16, 24] F32 from model.layers.{0..1}.mlp.up_proj.weight  (torch Linear stores [out, in]; the target's layout is Paddle's, [in, out])
      transpose llama.layers.{0..1}.mlp.down_proj.weight ×2 [24, 16] F32 from model.layers.{0..1}.mlp.down_proj.weight  (torch Linear stores [out, in]; the target's layout is Paddle's, [in, out])
      copy      llama.layers.{0..1}.input_layernorm.weight ×2 [16] F32 from model.layers.{0..1}.input_layernorm.weight  (as stored)
      copy      llama.layers.{0..1}.post_attention_layernorm.weight ×2 [16] F32 from model.layers.{0..1}.post_attention_layernorm.weight  (as stored)
      copy      llama.norm.weight [16] F32 from model.norm.weight  (as stored)
      transpose lm_head.weight [16, 40] F32  (torch Linear stores [out, in]; the target's layout is Paddle's, [in, out])

      29 tensors, 23360 bytes; 0 dropped
      source layout: torch (7 tensors say so: model.layers.0.mlp.gate_proj.weight shape [24, 16] can only be [out, in]); target layout: paddle"
    `);
  });

  it("from Paddle to Paddle copies", () => {
    const kinds = new Set(plan(written(), { to: "paddle" }).steps.map(({ kind }) => kind));
    expect([...kinds]).toEqual(["copy"]);
  });
});

describe("tensors that are not the model's", () => {
  it("are reported all at once, with the nearest names", async () => {
    const tensors = written({ layout: "torch", prefix: (name) => name })
      .filter(({ name }) => !/0\.mlp\.(gate|down)/.test(name))
      .map((tensor) =>
        tensor.name === "model.layers.1.input_layernorm.weight" ? vector(tensor.name, 17) : tensor,
      );
    tensors.push(vector("model.layers.0.mlp.gate_prj.weight"), vector("some.head"));
    tensors.push(vector("model.layers.2.input_layernorm.weight"));
    const error = await caught(() => plan(tensors));
    expect(error.code).toBe("WB3702");
    expect(error.message).toMatchInlineSnapshot(`
      "memory: the tensors are not those that config.json describes:
        model.layers.1.input_layernorm.weight: expected [16], found [17]
        model.layers.2.input_layernorm.weight [16] is not a tensor of the model: config.json has 2 layers
        model.layers.0.mlp.gate_prj.weight [16] is not a tensor of the model; is it model.layers.0.mlp.gate_proj.weight?
        some.head [16] is not a tensor of the model
        model.layers.0.mlp.gate_proj.weight is missing; is it model.layers.0.mlp.gate_prj.weight?
        model.layers.0.mlp.down_proj.weight is missing; is it model.layers.0.mlp.gate_prj.weight?"
    `);
    expect(error.details).toMatchObject({
      unknown: [
        "model.layers.2.input_layernorm.weight",
        "model.layers.0.mlp.gate_prj.weight",
        "some.head",
      ],
      missing: ["model.layers.0.mlp.gate_proj.weight", "model.layers.0.mlp.down_proj.weight"],
      shape: ["model.layers.1.input_layernorm.weight"],
      repeated: [],
    });
  });

  it("are refused when one tensor is there under two names", async () => {
    const error = await caught(() => plan([...written(), vector("model.norm.weight")]));
    expect(error.message).toContain(
      "model.norm.weight and llama.norm.weight are the same tensor of the model",
    );
  });

  it("are refused when a rank lacks its part, or a part has another shape or dtype", async () => {
    const whole = written({ tp: 2 });
    const lacking = whole.filter(
      ({ name, rank }) => name !== "llama.norm.weight" || rank?.tp !== 1,
    );
    const missing = await caught(() => plan(lacking));
    expect(missing.code).toBe("WB3704");
    expect(missing.message).toMatchInlineSnapshot(
      `"memory: tensor llama.norm.weight: expected a part on each of 2 tensor-parallel ranks, found ranks 0"`,
    );
    const other = whole.map((tensor) =>
      isPart(tensor) ? { ...tensor, dtype: "I32" as const } : tensor,
    );
    expect((await caught(() => plan(other))).code).toBe("WB3702");
    const short = whole.map((tensor) => (isPart(tensor) ? { ...tensor, shape: [19, 16] } : tensor));
    expect((await caught(() => plan(short))).message).toContain("found [20, 16], [19, 16]");
  });

  it("cost little time, however many there are", () => {
    const strangers = Array.from({ length: 20_000 }, (_unused, at) =>
      vector(`stranger.${"x".repeat(60)}.${at}`, 1),
    );
    const begin = performance.now();
    expect(() => plan(strangers, { sourceLayout: "torch" })).toThrow("and 20019 more");
    expect(performance.now() - begin).toBeLessThan(5000);
  });
});

describe("a checkpoint without an architecture", () => {
  const grid = { shape: [2, 3], values: [1, 2, 3, 4, 5, 6] };

  it("is copied under its own names, and shared storages are told", () => {
    const first = storedGrid("a", grid);
    const second = { ...storedGrid("b", grid), storage: first.storage };
    const made = planConversion(memoryCheckpoint([first, second]), undefined, {
      to: "safetensors",
      dtype: "BF16",
    });
    expect(made.tied).toEqual([["a", "b"]]);
    expect(made.steps).toMatchObject([
      { kind: "copy", from: ["a"], to: "a", cast: "BF16" },
      { kind: "copy", from: ["b"], to: "b", cast: "BF16" },
    ]);
  });

  it("has no ranks to merge", async () => {
    const checkpoint = memoryCheckpoint([storedGrid("a", grid, { tp: 0, pp: 0 })]);
    const options: PlanOptions = { to: "safetensors" };
    const ranks = await caught(() => planConversion(checkpoint, undefined, options));
    expect(ranks.code).toBe("WB2702");
  });

  it("leaves whole numbers as they are under a cast", () => {
    const ids = memoryTensor("ids", "I64", [2], countingBytes("I64", 2));
    const made = planConversion(memoryCheckpoint([ids]), undefined, {
      to: "safetensors",
      dtype: "F16",
    });
    expect(made.steps[0]).not.toHaveProperty("cast");
  });
});
