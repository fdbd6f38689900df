import { describe, expect, test } from "vitest";
import { parseModelConfig } from "../../src/model/config/parse.ts";
import {
  planMemory,
  type DeviceFacts,
  type MemoryPlan,
  type Workload,
} from "../../src/runtime/memory-plan.ts";
import { caught } from "../support/caught.ts";

const INTERNLM_7B = parseModelConfig(
  JSON.stringify({
    model_type: "internlm",
    vocab_size: 103168,
    hidden_size: 4096,
    intermediate_size: 11008,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    max_position_embeddings: 2048,
    bias: true,
  }),
  "config.json",
);

const WASM: DeviceFacts = {
  device: "wasm",
  memoryLimit: 2 ** 31,
  weightElementBytes: () => 4,
  elementBytes: 4,
};
const CPU_BF16: DeviceFacts = {
  device: "cpu",
  memoryLimit: undefined,
  weightElementBytes: () => 2,
  elementBytes: 2,
};
const GPU_BF16: DeviceFacts = { ...CPU_BF16, device: "cuda", memoryLimit: 16e9 };

const ONE_PROMPT: Workload = {
  passes: "one",
  batch: 1,
  tokens: 32,
  cachedTokens: 0,
  hostTokens: 32,
  logitRows: 32,
};
const GENERATION: Workload = { ...ONE_PROMPT, passes: "many", cachedTokens: 128, logitRows: 1 };

const q8 = (): { readonly dtype: "F32"; readonly blocks: string } => ({
  dtype: "F32",
  blocks: "Q8_0",
});
const f16 = (): { readonly dtype: "F16" } => ({ dtype: "F16" });

describe("InternLM-7B in float16", () => {
  test("logits of 32 tokens on wasm stream in less than 4 GB", () => {
    const plan = planMemory(INTERNLM_7B, f16, WASM, ONE_PROMPT, 4e9);
    expect(plan.residence).toBe("streamed");
    // One layer in float32: q, k, v, o with biases, gate, up, down, two norms.
    const parameters = 4 * (4096 ** 2 + 4096) + 3 * 4096 * 11008 + 2 * 4096;
    expect(plan.use.weights).toBe(4 * parameters);
    expect(plan.why).toMatchInlineSnapshot(
      `"streamed: weights are used once; 29.66 GB resident, 2.03 GB streamed, 4.00 GB allowed, of which 2.15 GB on the wasm heap"`,
    );
  });

  test("a prompt of the full context fits on wasm, too", () => {
    const plan = planMemory(
      INTERNLM_7B,
      f16,
      WASM,
      { ...ONE_PROMPT, tokens: 2048, hostTokens: 2048, logitRows: 1 },
      4e9,
    );
    expect(plan.use.weights + plan.use.activations).toBeLessThan(2 ** 31);
  });

  test("generation in bfloat16 is resident in 24 GB and streamed in 8 GB", () => {
    expect(planMemory(INTERNLM_7B, f16, CPU_BF16, GENERATION, 22e9).residence).toBe("resident");
    expect(planMemory(INTERNLM_7B, f16, CPU_BF16, GENERATION, 8e9).residence).toBe("streamed");
  });

  test("blocks that the device keeps are counted as they are, and embeddings on every device", () => {
    const keeps: DeviceFacts = {
      ...CPU_BF16,
      weightElementBytes: () => 4,
      elementBytes: 4,
      quantised: {
        activations: "f32",
        elementBytes: (type) => (type === "Q8_0" ? 34 / 32 : undefined),
        upload: () => {
          throw new Error("nothing is uploaded by a plan");
        },
      },
    };
    const wide = planMemory(INTERNLM_7B, q8, { ...keeps, quantised: undefined }, GENERATION, 64e9);
    const kept = planMemory(INTERNLM_7B, q8, keeps, GENERATION, 64e9);
    expect(wide.use.weights / kept.use.weights).toBeCloseTo(4 / (34 / 32), 6);
    const table = (103168 * 4096 * 34) / 32;
    const plain = planMemory(INTERNLM_7B, () => ({ dtype: "F32" }), keeps, GENERATION, 64e9);
    expect(plain.use.reading - wide.use.reading).toBe(103168 * 4096 * 4 - table);
    // Two layers that are read ahead, and no float32 copy of a matrix.
    const layer = 4 * (4096 ** 2 + 4096) + 3 * 4096 * 11008 + 2 * 4096;
    expect(kept.use.reading).toBe((2 * layer * 34) / 32 + table);
  });

  test("a GPU is filled by its own memory, whatever the host has", () => {
    expect(planMemory(INTERNLM_7B, f16, GPU_BF16, GENERATION, 4e9).residence).toBe("resident");
    const small = { ...GPU_BF16, memoryLimit: 8e9 };
    expect(planMemory(INTERNLM_7B, f16, small, GENERATION, 64e9).residence).toBe("streamed");
  });

  test("what does not fit even streamed is refused with the numbers", async () => {
    const error = await caught(() => planMemory(INTERNLM_7B, f16, WASM, ONE_PROMPT, 1e9));
    expect(error.code).toBe("WB6003");
    expect(error.message).toMatchInlineSnapshot(
      `"the model does not fit into memory: 29.66 GB resident, 2.03 GB streamed, 1.00 GB allowed; --max-memory 2032MB would do"`,
    );
    const [, megabytes] = / (\d+)MB would do$/.exec(error.message) ?? [];
    const plan = planMemory(INTERNLM_7B, f16, WASM, ONE_PROMPT, Number(megabytes) * 1e6);
    expect(plan.residence).toBe("streamed");
  });

  test.each([ONE_PROMPT, GENERATION])(
    "a tiny model whose weights would pass through more than they are is resident",
    async (work) => {
      const tiny = parseModelConfig(
        JSON.stringify({
          ...INTERNLM_7B.raw,
          hidden_size: 64,
          intermediate_size: 176,
          num_hidden_layers: 2,
        }),
        "config.json",
      );
      const plan = (limit: number): MemoryPlan => planMemory(tiny, f16, CPU_BF16, work, limit);
      const error = await caught(() => plan(1e8));
      const [, resident, streamed, megabytes] =
        /: ([\d.]+) GB resident, ([\d.]+) GB streamed, .* (\d+)MB would do$/.exec(error.message) ??
        [];
      expect(Number(resident)).toBeLessThan(Number(streamed));
      expect(plan(Number(megabytes) * 1e6).residence).toBe("resident");
      expect((await caught(() => plan((Number(megabytes) - 1) * 1e6))).code).toBe("WB6003");
    },
  );

  test("where the device itself is too small, another one is named as the way out", async () => {
    const long = { ...ONE_PROMPT, batch: 64, tokens: 8192 };
    const error = await caught(() => planMemory(INTERNLM_7B, f16, WASM, long, 1e12));
    expect(error.message).toMatch(/on the wasm device alone: another --device/);
  });
});

const QWEN3_30B_A3B = parseModelConfig(
  JSON.stringify({
    architectures: ["Qwen3MoeForCausalLM"],
    model_type: "qwen3_moe",
    vocab_size: 151936,
    hidden_size: 2048,
    intermediate_size: 6144,
    moe_intermediate_size: 768,
    num_hidden_layers: 48,
    num_attention_heads: 32,
    num_key_value_heads: 4,
    head_dim: 128,
    num_experts: 128,
    num_experts_per_tok: 8,
    norm_topk_prob: true,
    max_position_embeddings: 40960,
  }),
  "config.json",
);
/** Bytes of one expert and of a layer's, in bfloat16. */
const EXPERT = 2 * 3 * 2048 * 768;
const OF_A_LAYER = 128 * EXPERT;

const bf16 = (): { readonly dtype: "BF16" } => ({ dtype: "BF16" });

describe("Qwen3-30B-A3B in bfloat16", () => {
  test("where all has room, every expert that was chosen stays", () => {
    const plan = planMemory(QWEN3_30B_A3B, bf16, CPU_BF16, GENERATION, 80e9);
    expect(plan.residence).toBe("resident");
    expect(plan.experts).toEqual({ running: Infinity, kept: Infinity });
    expect(plan.why).toMatchInlineSnapshot(
      `"resident: weights are used for every token; 61.66 GB resident, 0.80 GB streamed, 80.00 GB allowed; experts are read when they are chosen, and stay"`,
    );
  });

  test("where only what every token takes has room, the rest of memory is for experts, within the limit", () => {
    const plan = planMemory(QWEN3_30B_A3B, bf16, CPU_BF16, GENERATION, 16e9);
    expect(plan.residence).toBe("resident");
    expect(plan.experts.kept).toBeGreaterThan(8 * EXPERT);
    expect(plan.experts.kept).toBeLessThan(OF_A_LAYER);
    expect(plan.experts.running).toBe(plan.experts.kept);
    expect(plan.total).toBeLessThanOrEqual(plan.limit);
    expect(plan.total + plan.spare).toBe(plan.limit);
    expect(plan.why).toMatchInlineSnapshot(
      `"resident: weights are used for every token; 61.66 GB resident, 0.80 GB streamed, 16.00 GB allowed; experts are read when they are chosen, and up to 9.18 GB of them stay"`,
    );
  });

  test("streamed, memory that is left over is for experts, too, and little memory for one at a time", () => {
    const plan = planMemory(QWEN3_30B_A3B, bf16, CPU_BF16, GENERATION, 3e9);
    expect(plan.residence).toBe("streamed");
    expect(plan.total).toBeLessThanOrEqual(plan.limit);
    expect(plan.experts.kept).toBeGreaterThan(EXPERT);
    expect(plan.why).toMatchInlineSnapshot(
      `"streamed: weights are used for every token; 61.66 GB resident, 0.80 GB streamed, 3.00 GB allowed; experts are read when they are chosen, and up to 1.65 GB of them stay"`,
    );
    const least = planMemory(QWEN3_30B_A3B, bf16, CPU_BF16, GENERATION, 1.75e9);
    expect(least.experts.kept).toBeLessThan(2 * EXPERT);
    expect(least.experts.running).toBe(Math.max(EXPERT, least.experts.kept));
  });

  test("weights that pass once keep no experts, and a layer's while it runs", () => {
    const plan = planMemory(QWEN3_30B_A3B, bf16, CPU_BF16, ONE_PROMPT, 16e9);
    expect(plan.experts).toEqual({ running: OF_A_LAYER, kept: 0 });
    expect(plan.why).toMatchInlineSnapshot(
      `"streamed: weights are used once; 61.65 GB resident, 0.78 GB streamed, 16.00 GB allowed; experts are read when they are chosen, and up to 1.21 GB of a layer's stay while it runs"`,
    );
  });
});
