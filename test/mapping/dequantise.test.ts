import { describe, expect, it } from "vitest";
import { dequantise } from "../../src/mapping/computed/dequantise.ts";
import { quantisationFacts } from "../../src/mapping/computed/facts.ts";
import { assemblyOf, wholeView } from "../../src/mapping/assembly.ts";
import { storedValues } from "../../src/mapping/computed/stored-values.ts";
import { planConversion } from "../../src/mapping/plan.ts";
import { readAssembly } from "../../src/mapping/read-assembly.ts";
import { renderPlan } from "../../src/mapping/render-plan.ts";
import { decodeValues } from "../../src/tensor/decode.ts";
import type { StoredTensor } from "../../src/tensor/table.ts";
import { caught } from "../support/caught.ts";
import { memoryCheckpoint, memoryTensor } from "../support/memory-checkpoint.ts";

const PLAIN = quantisationFacts(undefined);

function floats(name: string, shape: readonly number[], values: readonly number[]): StoredTensor {
  return memoryTensor(name, "F32", shape, new Uint8Array(Float32Array.from(values).buffer));
}

function words(name: string, shape: readonly number[], values: readonly number[]): StoredTensor {
  return memoryTensor(name, "I32", shape, new Uint8Array(Uint32Array.from(values).buffer));
}

async function valuesOf(tensors: readonly StoredTensor[], config?: string) {
  const made = await dequantise(memoryCheckpoint(tensors), quantisationFacts(config));
  const [tensor] = made?.checkpoint.tensors ?? [];
  if (made === undefined || tensor === undefined) throw new Error("nothing is quantised");
  const bytes = await readAssembly(assemblyOf(wholeView(tensor)));
  const { name, shape, dtype } = tensor;
  return { name, shape, dtype, values: [...new Float32Array(bytes.buffer)], made };
}

/** E4M3: 0x38 is 1, 0x40 is 2, 0x48 is 4, 0xb8 is −1. */
const CODES = memoryTensor("a.weight", "F8_E4M3", [2, 2], Uint8Array.of(0x38, 0x40, 0x48, 0xb8));

describe("a quantised matrix is its codes times its scales", () => {
  it("with one scale for all", async () => {
    const { values } = await valuesOf([CODES, floats("a.weight_scale", [1], [0.5])]);
    expect(values).toEqual([0.5, 1, 2, -0.5]);
  });

  it("with a scale a row", async () => {
    const { values } = await valuesOf([CODES, floats("a.weight_scale", [2, 1], [0.5, 2])]);
    expect(values).toEqual([0.5, 1, 8, -2]);
  });

  it("less the zero of each scale", async () => {
    const codes = memoryTensor("a.weight", "I8", [2, 2], Uint8Array.of(1, 2, 3, 255));
    const zeros = memoryTensor("a.weight_zero_point", "I8", [2, 1], Uint8Array.of(1, 254));
    const scales = floats("a.weight_scale", [2, 1], [0.5, 2]);
    const activations = memoryTensor("a.input_zero_point", "I8", [1], Uint8Array.of(1));
    const { values, made } = await valuesOf([codes, scales, zeros, activations]);
    expect(values).toEqual([0, 0.5, 10, 2]);
    expect(made.checkpoint.tensors).toHaveLength(1);
    expect(made.checkpoint.skipped.map(({ name }) => name)).toEqual(["a.input_zero_point"]);
  });

  it("with a scale a block, as config.json says how large", async () => {
    const config = JSON.stringify({ quantization_config: { weight_block_size: [2, 1] } });
    const scales = floats("a.weight_scale_inv", [1, 2], [3, 5]);
    const { values, name } = await valuesOf([CODES, scales], config);
    expect([name, ...values]).toEqual(["a.weight", 3, 10, 12, -5]);
  });

  it.each([
    ["F8_E4M3", "F32", [40, 48]],
    ["F8_E5M2", "BF16", [40, 48]],
    ["F8_E4M3", "F16", [128, 128]],
    ["I8", "F32", [1, 1100]],
  ] as const)("of %s and %s, also where blocks are large and cut: %o", async (dtype, of, block) => {
    const [rows, columns] = [300, 1100];
    const across = Math.ceil(columns / block[1]);
    const codes = Uint8Array.from({ length: rows * columns }, (_unused, at) => (at * 77) >> 3);
    const drawn = Float32Array.from(
      { length: Math.ceil(rows / block[0]) * across },
      (_unused, at) => Math.sin(at + 1) * 2 ** (at % 9),
    );
    const scales = storedValues(drawn, of);
    const config = JSON.stringify({ quantization_config: { weight_block_size: block } });
    const shape = [drawn.length / across, across];
    const [key, places] =
      block[0] === 1 ? ["weight_scale", [rows, 1]] : ["weight_scale_inv", shape];
    const tensors = [
      memoryTensor("a.weight", dtype, [rows, columns], codes),
      memoryTensor(`a.${key}`, of, places, scales),
    ];
    const made = await dequantise(memoryCheckpoint(tensors), quantisationFacts(config));
    const [tensor] = made?.checkpoint.tensors ?? [];
    if (tensor === undefined) throw new Error("nothing is quantised");
    const bytes = await readAssembly(assemblyOf(wholeView(tensor)));
    const [left, right] = [decodeValues(codes, dtype), decodeValues(scales, of)];
    const expected = Float32Array.from(codes, (_unused, at) => {
      const down = Math.floor(at / columns / block[0]);
      const scale = right?.[down * across + Math.floor((at % columns) / block[1])] ?? 0;
      return (left?.[at] ?? 0) * scale;
    });
    expect(tensor.dtype).toBe(of);
    expect(Buffer.compare(bytes, storedValues(expected, of))).toBe(0);
  });

  it("with zeros less 1 in GPTQ, and as they are in its second version", async () => {
    // Eight inputs, eight outputs; every code is 9, every stored zero 2.
    const tensors = [
      words(
        "a.qweight",
        [1, 8],
        Array.from({ length: 8 }, () => 0x99999999),
      ),
      words("a.qzeros", [1, 1], [0x22222222]),
      floats("a.scales", [1, 8], [1, 2, 3, 4, 5, 6, 7, 8]),
      words(
        "a.g_idx",
        [8],
        Array.from({ length: 8 }, () => 0),
      ),
    ];
    const first = await valuesOf(tensors);
    expect(first.shape).toEqual([8, 8]);
    // [out, in]: a row has one scale.
    expect(first.values.slice(0, 9)).toEqual([6, 6, 6, 6, 6, 6, 6, 6, 12]);
    const config = JSON.stringify({ quantization_config: { checkpoint_format: "gptq_v2" } });
    const second = await valuesOf(tensors, config);
    expect(second.values.slice(0, 9)).toEqual([7, 7, 7, 7, 7, 7, 7, 7, 14]);
  });

  it("leaves out scales of activations, by name, and casts what it computed alone", async () => {
    const tensors = [
      CODES,
      floats("a.weight_scale", [1], [1]),
      floats("a.input_scale", [1], [1]),
      floats("norm.weight", [2], [1, 2]),
    ];
    const made = await dequantise(memoryCheckpoint(tensors), PLAIN);
    if (made === undefined) throw new Error("nothing is quantised");
    expect(made.checkpoint.skipped.map(({ name }) => name)).toEqual(["a.input_scale"]);
    const options = { to: "safetensors", dequantize: "BF16" } as const;
    const plan = planConversion(made.checkpoint, undefined, options);
    expect(renderPlan(plan)).toContain("dequantize a.weight [2, 2] F32 → BF16");
    expect(renderPlan(plan)).toContain("copy      norm.weight [2] F32  (");
  });

  it("and nothing where nothing is quantised", async () => {
    expect(await dequantise(memoryCheckpoint([floats("a.scales", [1], [1])]), PLAIN)).toBe(
      undefined,
    );
  });
});

async function refusal(...tensors: readonly StoredTensor[]): Promise<string> {
  const { code, message } = await caught(() => dequantise(memoryCheckpoint(tensors), PLAIN));
  expect(["WB3709", "WB4706"]).toContain(code);
  return `${code} ${message}`;
}

describe("what cannot be computed is refused by name", () => {
  it("where scales do not fit", async () => {
    const scales = floats("a.weight_scale_inv", [3, 1], [1, 2, 3]);
    expect(await refusal(CODES, scales)).toMatchInlineSnapshot(
      `"WB3709 a.weight: its parts do not fit together as FP8 with block scales stores them: a.weight F8_E4M3 [2, 2], a.weight_scale_inv F32 [3, 1]"`,
    );
  });

  it("where the variant is another", async () => {
    const codes = memoryTensor("a.weight", "I8", [2, 2], new Uint8Array(4));
    const scales = floats("a.SCB", [2], [1, 1]);
    const order = memoryTensor("a.weight_format", "U8", [], Uint8Array.of(2));
    expect(await refusal(codes, scales, order)).toMatchInlineSnapshot(
      `"WB4706 a.weight: quantised in bitsandbytes' tiled order 2"`,
    );
    const pairs = memoryTensor("a.weight_packed", "U8", [2, 2], new Uint8Array(4));
    const grid = floats("a.weight_scale", [2, 1], [1, 1]);
    expect(await refusal(pairs, grid)).toMatchInlineSnapshot(
      `"WB4706 a.weight: quantised in pairs of floats of 4 bits"`,
    );
    const blocks = memoryTensor("e.up_blocks", "U8", [1, 1, 1, 16], new Uint8Array(16));
    const exponents = memoryTensor("e.up_scales", "U8", [1, 2, 1], new Uint8Array(2));
    expect(await refusal(blocks, exponents)).toMatchInlineSnapshot(
      `"WB3709 e.up: its parts do not fit together as MXFP4 stores them: e.up_blocks U8 [1, 1, 1, 16], e.up_scales U8 [1, 2, 1]"`,
    );
  });
});
