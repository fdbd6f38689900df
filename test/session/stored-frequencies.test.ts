import { expect, test } from "vitest";
import { canonicalize } from "../../src/mapping/canonical.ts";
import { frequencyProblem } from "../../src/session/stored-frequencies.ts";
import type { ModelConfig } from "../../src/model/config/model-config.ts";
import { f32Bits, f32BitsToF16 } from "../../src/tensor/float-bits.ts";
import { memoryCheckpoint, memoryTensor } from "../support/memory-checkpoint.ts";
import { internlmConfig, SMALL } from "../support/model-config.ts";

const CONFIG = internlmConfig(SMALL);
const HALF = CONFIG.rotaryDims / 2;

function frequencies(base = CONFIG.rope.theta, factor = 1): Float32Array {
  return Float32Array.from({ length: HALF }, (_, j) => factor * base ** (-j / HALF));
}

function nameIn(layer: number): string {
  return `model.layers.${layer}.self_attn.rotary_emb.inv_freq`;
}

async function problemOf(values: Float32Array, config: ModelConfig = CONFIG) {
  const bytes = new Uint8Array(values.buffer);
  const tensors = [0, 1].map((layer) => memoryTensor(nameIn(layer), "F32", [values.length], bytes));
  return (await frequencyProblem(memoryCheckpoint(tensors), config))?.message;
}

test("frequencies that the configuration gives are no problem, in float16 neither", async () => {
  expect(await problemOf(frequencies())).toBeUndefined();
  const halves = Uint16Array.from(frequencies(), (value) => f32BitsToF16(f32Bits(value)));
  const bytes = new Uint8Array(halves.buffer);
  const tensor = memoryTensor("model.layers.0.self_attn.rotary_emb.inv_freq", "F16", [HALF], bytes);
  expect(await frequencyProblem(memoryCheckpoint([tensor]), CONFIG)).toBeUndefined();
});

test("frequencies that were scaled, of another base or of another count contradict it", async () => {
  expect(await problemOf(frequencies(undefined, 0.5))).toContain(
    "all are 1/2 of it, as linear scaling by 2 makes them",
  );
  expect(await problemOf(frequencies(500))).toContain("they are those of rope_theta 500");
  expect(await problemOf(new Float32Array(HALF + 1))).toContain(`${HALF + 1} are stored`);
  const damaged = frequencies();
  damaged[HALF - 1] = 7;
  expect(await problemOf(damaged)).toMatch(/and 1 more: .*number \d+ is 7, and it gives/);
});

test.each([nameIn(0), "model.rotary_emb.inv_freq", "model.rotary_emb.original_inv_freq"])(
  "%s is left out, and no unknown tensor",
  (name) => {
    const bytes = new Uint8Array(frequencies().buffer);
    const checkpoint = memoryCheckpoint([
      memoryTensor(
        "model.norm.weight",
        "F32",
        [CONFIG.hiddenSize],
        new Uint8Array(4 * CONFIG.hiddenSize),
      ),
      memoryTensor(name, "F32", [HALF], bytes),
    ]);
    const { dropped, problems } = canonicalize(checkpoint, CONFIG, {});
    expect(dropped.flatMap(({ sources }) => sources.map((tensor) => tensor.name))).toEqual([name]);
    expect(problems.filter(({ kind }) => kind === "unknown")).toEqual([]);
  },
);
