import { expect, test } from "vitest";
import type { Assembly } from "../../../src/mapping/assembly.ts";
import { assemblyOf, wholeView } from "../../../src/mapping/assembly.ts";
import { f32Bits, f32BitsToBf16 } from "../../../src/tensor/float-bits.ts";
import { diffTensors } from "../../../src/verify/compare/diff-checkpoints.ts";
import { diagnosePair } from "../../../src/verify/diagnose/pair/pair-diagnosis.ts";
import { memoryTensor } from "../../support/memory-checkpoint.ts";
import { internlmConfig } from "../../support/model-config.ts";

const LAYERS = 12;
const CONFIG = internlmConfig({
  hidden_size: 32,
  num_attention_heads: 4,
  num_hidden_layers: LAYERS,
});
const [ROWS, COLUMNS] = [32, 32];

function drawn(seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: ROWS * COLUMNS }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

type Weights = ReadonlyMap<string, Float32Array>;

const MODULES = ["self_attn.q_proj", "self_attn.v_proj", "self_attn.o_proj"];
const NAMES = Array.from({ length: LAYERS }, (_unused, layer) =>
  MODULES.map((module) => `model.layers.${layer}.${module}.weight`),
).flat();
const RIGHT: Weights = new Map(NAMES.map((name, index) => [name, drawn(index + 1)]));

/** Heads of 8 one further. */
function rolled(data: Float32Array): Float32Array {
  return Float32Array.from(data, (_value, at) => data[(at + 8 * COLUMNS) % data.length] ?? 0);
}

function stored(weights: Weights, dtype: "F32" | "BF16"): ReadonlyMap<string, Assembly> {
  return new Map(
    [...weights].map(([name, data]) => {
      const halves = Uint16Array.from(data, (value) => f32BitsToBf16(f32Bits(value)));
      const bytes = new Uint8Array(dtype === "F32" ? data.slice().buffer : halves.buffer);
      return [name, assemblyOf(wholeView(memoryTensor(name, dtype, [ROWS, COLUMNS], bytes)))];
    }),
  );
}

async function diagnosed(ours: Weights, dtype: "F32" | "BF16") {
  const [left, right] = [stored(ours, dtype), stored(RIGHT, "F32")];
  return diagnosePair(left, right, await diffTensors(left, right), CONFIG);
}

test("a cast hides no other order of heads", async () => {
  const ours = new Map(
    [...RIGHT].map(([name, data]) => [name, name.includes("q_proj") ? rolled(data) : data]),
  );
  const found = await diagnosed(ours, "BF16");
  expect(found.map(({ cause, tensors }) => [cause, tensors.length])).toEqual([
    ["head-order", LAYERS],
    ["cast", 2 * LAYERS],
  ]);
  expect(found[0]?.evidence).toContain("both sides in bfloat16");
});

test("layers sorted as text are told in spite of a cast and of what else was done to some of their tensors", async () => {
  const order = Array.from({ length: LAYERS }, (_unused, layer) => String(layer)).toSorted();
  const ours = new Map(
    NAMES.map((name) => {
      const [, layer = "0"] = /layers\.(\d+)\./.exec(name) ?? [];
      const source = name.replace(`.${layer}.`, `.${order[Number(layer)] ?? ""}.`);
      const data = RIGHT.get(source) ?? new Float32Array(0);
      return [name, name.includes("q_proj") ? rolled(data) : data];
    }),
  );
  for (const dtype of ["F32", "BF16"] as const) {
    const [places, heads] = await diagnosed(ours, dtype);
    expect([places?.cause, heads?.cause]).toEqual(["layer-order", "head-order"]);
    expect(places?.evidence).toContain("the layers are sorted as text");
    expect(heads?.tensors).toHaveLength(LAYERS);
    expect(heads?.claims).toContainEqual(
      expect.objectContaining({
        tensor: "model.layers.2.self_attn.q_proj.weight",
        of: "model.layers.10.self_attn.q_proj.weight",
      }),
    );
  }
});
