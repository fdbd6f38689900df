import { describe, expect, test } from "vitest";
import { parseModelConfig } from "../../src/model/config/parse.ts";
import { planMemory, type DeviceFacts, type Workload } from "../../src/runtime/memory-plan.ts";
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

const f16 = (): "F16" => "F16";

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

  test("a GPU is filled by its own memory, whatever the host has", () => {
    expect(planMemory(INTERNLM_7B, f16, GPU_BF16, GENERATION, 4e9).residence).toBe("resident");
    const small = { ...GPU_BF16, memoryLimit: 8e9 };
    expect(planMemory(INTERNLM_7B, f16, small, GENERATION, 64e9).residence).toBe("streamed");
  });

  test("what does not fit even streamed is refused with the numbers", async () => {
    const error = await caught(() => planMemory(INTERNLM_7B, f16, WASM, ONE_PROMPT, 1e9));
    expect(error.code).toBe("WB6003");
    expect(error.message).toMatchInlineSnapshot(
      `"the model does not fit into memory: 29.66 GB resident, 2.03 GB streamed, 1.00 GB allowed, of which 2.15 GB on the wasm heap; --max-memory 2032MB would do"`,
    );
    const [, megabytes] = / (\d+)MB would do$/.exec(error.message) ?? [];
    const plan = planMemory(INTERNLM_7B, f16, WASM, ONE_PROMPT, Number(megabytes) * 1e6);
    expect(plan.residence).toBe("streamed");
  });

  test("where the device itself is too small, another one is named as the way out", async () => {
    const long = { ...ONE_PROMPT, batch: 64, tokens: 8192 };
    const error = await caught(() => planMemory(INTERNLM_7B, f16, WASM, long, 1e12));
    expect(error.message).toMatch(/on the wasm device alone: another --device/);
  });
});
