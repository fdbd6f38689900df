import { describe, expect, it } from "vitest";
import { alphaOf, parseAdapterConfig } from "../../src/mapping/computed/adapter-config.ts";
import { mergeAdapter } from "../../src/mapping/computed/merge-adapter.ts";
import { assemblyOf, wholeView } from "../../src/mapping/assembly.ts";
import { readAssembly } from "../../src/mapping/read-assembly.ts";
import type { StoredTensor } from "../../src/tensor/table.ts";
import { caught } from "../support/caught.ts";
import { memoryCheckpoint, memoryTensor } from "../support/memory-checkpoint.ts";

function floats(name: string, shape: readonly number[], values: readonly number[]): StoredTensor {
  return memoryTensor(name, "F32", shape, new Uint8Array(Float32Array.from(values).buffer));
}

function configOf(fields: Readonly<Record<string, unknown>> = {}) {
  const text = JSON.stringify({ peft_type: "LORA", r: 1, lora_alpha: 2, ...fields });
  return parseAdapterConfig(text, "adapter_config.json");
}

const BASE = memoryCheckpoint([floats("a.weight", [2, 3], [1, 2, 3, 4, 5, 6])]);
const A = floats("base_model.model.a.lora_A.weight", [1, 3], [1, 10, 100]);
const B = floats("base_model.model.a.lora_B.weight", [2, 1], [1, -1]);

async function merged(tensors: readonly StoredTensor[], fields = {}): Promise<readonly number[]> {
  const { checkpoint } = mergeAdapter(BASE, memoryCheckpoint(tensors), configOf(fields));
  const [tensor] = checkpoint.tensors;
  if (tensor === undefined) throw new Error("nothing was merged");
  return [...new Float32Array((await readAssembly(assemblyOf(wholeView(tensor)))).buffer)];
}

function ones(count: number): readonly number[] {
  return Array.from({ length: count }, () => 1);
}

function factors(module: string, outputs: number, inputs: number): readonly StoredTensor[] {
  return [
    floats(`${module}.lora_A.weight`, [1, inputs], ones(inputs)),
    floats(`${module}.lora_B.weight`, [outputs, 1], ones(outputs)),
  ];
}

describe("a merged matrix", () => {
  it("is the base plus alpha / r times B · A", async () => {
    expect(await merged([A, B])).toEqual([3, 22, 203, 2, -15, -194]);
  });

  it("is scaled by the root of the rank where that was asked for, and by patterns", async () => {
    const first = floats(A.name, [4, 3], [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    const second = floats(B.name, [2, 4], [1, 0, 0, 0, 0, 0, 0, 0]);
    expect((await merged([first, second], { use_rslora: true }))[0]).toBe(2);
    expect((await merged([first, second], { alpha_pattern: { a: 8 } }))[0]).toBe(3);
  });

  it("is what the adapter saved whole, where it did", async () => {
    const whole = floats("base_model.model.b.weight", [1], [7]);
    const base = memoryCheckpoint([...BASE.tensors, floats("b.weight", [1], [0])]);
    const { checkpoint } = mergeAdapter(base, memoryCheckpoint([A, B, whole]), configOf());
    const bytes = await checkpoint.tensors[1]?.source.read(0, 4);
    expect(bytes).toEqual(new Uint8Array(Float32Array.of(7).buffer));
  });

  it("is changed on top of what the adapter saved whole, as PEFT saves embeddings that it adapts", async () => {
    const layer = floats("base_model.model.a.base_layer.weight", [2, 3], [0, 0, 0, 0, 0, 7]);
    expect(await merged([A, B, layer])).toEqual([2, 20, 200, -2, -20, -193]);
    expect(await merged([layer, A, B])).toEqual([2, 20, 200, -2, -20, -193]);
  });

  it("is transposed where its shape or its name tells that it is [in, out], whatever fan_in_fan_out says", () => {
    const base = [
      floats("h.c_proj.weight", [2, 2], [1, 2, 3, 4]),
      floats("h.c_fc.weight", [1, 2], [1, 2]),
    ];
    const merge = (modules: readonly StoredTensor[], said: boolean) => () =>
      mergeAdapter(
        memoryCheckpoint(base),
        memoryCheckpoint(modules),
        configOf({ fan_in_fan_out: said }),
      );
    const square = factors("h.c_proj", 2, 2);
    expect(merge([...square, ...factors("h.c_fc", 2, 1)], false)).not.toThrow();
    expect(merge(square, true)).not.toThrow();
    expect(merge(square, false)).toThrow("do not fit");
  });

  it("rounds each step once, as a fused multiply-add does", async () => {
    // 1 + (1 + 2^-23)(1 − 2^-23) = 2 − 2^-46: a product rounded by itself would give 1, and the sum 2.
    const unit = 2 ** -23;
    const first = floats(A.name, [2, 3], [1, 1, 1, 1 + unit, 1, 1]);
    const second = floats(B.name, [2, 2], [-1, 1 - unit, 0, 0]);
    const base = memoryCheckpoint([floats("a.weight", [2, 3], [0, 0, 0, 0, 0, 0])]);
    const { checkpoint } = mergeAdapter(base, memoryCheckpoint([first, second]), configOf());
    const bytes = (await checkpoint.tensors[0]?.source.read(0, 4)) ?? new Uint8Array(4);
    // −1 + (1 − 2^-46) = −2^-46 exactly, times 2 / 2.
    expect(new Float32Array(bytes.buffer)[0]).toBe(-(2 ** -46));
  });
});

describe("alpha of a module", () => {
  it("is that of the first pattern that is its path or ends it behind a dot", () => {
    const config = configOf({ alpha_pattern: { "^layers.0.q": 3, "0.q": 4, q: 5 } });
    expect(
      ["layers.0.q", "x.layers.0.q", "layers.10.q", "xq"].map((name) => alphaOf(config, name)),
    ).toEqual([3, 4, 5, 2]);
  });
});

async function refusal(tensors: readonly StoredTensor[], fields = {}): Promise<string> {
  return (await caught(() => merged(tensors, fields))).code;
}

describe("an adapter is refused by name", () => {
  it.each([
    ["WB4705", [A, B], { use_dora: true }],
    ["WB4705", [A, B], { init_lora_weights: "pissa_niter_4" }],
    ["WB4705", [A, B], { init_lora_weights: "olora" }],
    ["WB4705", [A, B], { peft_type: "IA3" }],
    ["WB4705", [A, B], { alpha_pattern: { "(a|b)+": 1 } }],
    ["WB4705", [A, B, { ...B, name: "a.lora_magnitude_vector" }], {}],
    ["WB3710", [A], {}],
    ["WB3710", [A, { ...B, shape: [1, 2], strides: [2, 1] }], {}],
    [
      "WB3710",
      [
        { ...A, name: "c.lora_A.weight" },
        { ...B, name: "c.lora_B.weight" },
      ],
      {},
    ],
    ["WB3710", [], {}],
    ["WB3710", [A, B], { r: "eight" }],
  ] as const)("%s", async (code, tensors, fields) => {
    expect(await refusal(tensors, fields)).toBe(code);
  });
});
