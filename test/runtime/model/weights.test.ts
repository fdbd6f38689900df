import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openModel, requireConfig, type OpenedModel } from "../../../src/session/open-model.ts";
import { modelWeights } from "../../../src/session/open-runtime.ts";
import type { ModelConfig } from "../../../src/model/config/model-config.ts";
import { Decoder } from "../../../src/runtime/model/decoder.ts";
import { forward } from "../../../src/runtime/model/forward.ts";
import { LayerwiseModel } from "../../../src/runtime/model/layerwise.ts";
import type { WeightSource } from "../../../src/runtime/model/weights.ts";
import type { Backend } from "../../../src/runtime/backends/backend.ts";
import type { Ops } from "../../../src/runtime/backends/ops.ts";
import { openWasm } from "../../../src/runtime/backends/wasm/open.ts";
import { caught } from "../../support/caught.ts";
import { FIXTURES } from "../../support/fixture-manifest.ts";
import { maxAbs } from "../../support/max-abs.ts";

const TINY = join(FIXTURES, "internlm-tiny");

let backend: Backend;
let ops: Ops;
let config: ModelConfig;
let torch: WeightSource;
let paddle: WeightSource;
let opened: readonly OpenedModel[] = [];
beforeAll(async () => {
  backend = await openWasm();
  ops = backend.ops;
  const [left, right] = [
    await openModel(join(TINY, "pytorch_model.bin")),
    await openModel(join(FIXTURES, "paddle-e")), // [in, out], row-major
  ];
  opened = [left, right];
  config = requireConfig(left);
  torch = modelWeights(left, config);
  paddle = modelWeights(right, config);
});
afterAll(async () => {
  for (const { checkpoint } of opened) await checkpoint.close();
});

const GATE = "model.layers.1.mlp.gate_proj.weight"; // [88, 32]

describe("parameters of a checkpoint", () => {
  test("are read as stored", async () => {
    const [left, right] = [await torch.read(GATE), await paddle.read(GATE)];
    expect([left.shape, left.transposed]).toEqual([[88, 32], false]);
    expect([right.shape, right.transposed]).toEqual([[88, 32], true]);
    const a = new Uint16Array(left.bytes.slice().buffer);
    const b = new Uint16Array(right.bytes.slice().buffer);
    expect(a[5 * 32 + 7]).toBe(b[7 * 88 + 5]);
  });

  test.each(["model.embed_tokens.weight", "lm_head.weight", GATE])(
    "some rows of %s are those of the whole",
    async (name) => {
      const columns = torch.facts(name)?.shape[1] ?? 0;
      const whole = await torch.read(name);
      const rows = await torch.read(name, { begin: 3, end: 20 });
      expect(rows.shape).toEqual([17, columns]);
      expect(rows.bytes).toEqual(whole.bytes.subarray(3 * columns * 2, 20 * columns * 2));
      const { bytes, transposed } = await paddle.read(name, { begin: 3, end: 20 });
      const [first] = new Uint16Array(bytes.slice().buffer);
      expect(first).toBe(new Uint16Array(rows.bytes.slice().buffer)[0]);
      expect(transposed).toBe(name !== "model.embed_tokens.weight");
    },
  );
});

/** The source with one parameter left out or described otherwise. */
function without(name: string, shape?: readonly number[]): WeightSource {
  return {
    ...torch,
    facts: (asked) => {
      if (asked !== name) return torch.facts(asked);
      return shape === undefined ? undefined : { dtype: "F16", shape };
    },
  };
}

describe("a model whose weights do not fit its config", () => {
  test("is refused before anything is read: a missing weight", async () => {
    const error = await caught(
      () => new Decoder(backend, config, without("model.norm.weight"), "streamed"),
    );
    expect(error.code).toBe("WB3780");
    expect(error.message).toMatchInlineSnapshot(`"model.norm.weight [32] is missing"`);
  });

  test("is refused before anything is read: another shape", async () => {
    const error = await caught(
      () => new Decoder(backend, config, without(GATE, [88, 31]), "streamed"),
    );
    expect(error.message).toMatchInlineSnapshot(
      `"model.layers.1.mlp.gate_proj.weight: expected [88, 32], found [88, 31]"`,
    );
  });
});

describe("a source that replaces weights", () => {
  test("changes the logits from the layer on where the change is", async () => {
    const changed: WeightSource = {
      ...torch,
      read: async (name, rows) => {
        const weight = await torch.read(name, rows);
        return name === GATE ? { ...weight, bytes: new Uint8Array(weight.bytes.length) } : weight;
      },
    };
    const ids = [1, 290, 31, 300];
    const outputs: (readonly Float32Array[])[] = [];
    for (const source of [torch, changed]) {
      const decoder = new Decoder(backend, config, source, "streamed");
      const [output] = await forward(new LayerwiseModel(decoder), [ids], { hiddenStates: true });
      outputs.push(output?.hiddenStates ?? []);
      await decoder.dispose();
    }
    const distances = [0, 1, 2, 3].map((layer) =>
      maxAbs(outputs[0]?.[layer] ?? [], outputs[1]?.[layer] ?? []),
    );
    expect(distances.slice(0, 2)).toEqual([0, 0]);
    expect(distances[2]).toBeGreaterThan(0.01);
    expect(distances[3]).toBeGreaterThan(0.01);
  });

  test("that fails while it is read ahead fails the layer that needs it, and leaves nothing behind", async () => {
    const broken: WeightSource = {
      ...torch,
      read: async (name, rows) => {
        if (name.startsWith("model.layers.2.")) throw new Error("the disk is gone");
        return torch.read(name, rows);
      },
    };
    const before = ops.memory();
    const decoder = new Decoder(backend, config, broken, "streamed");
    await expect(forward(new LayerwiseModel(decoder), [[1, 2]])).rejects.toThrow(
      "the disk is gone",
    );
    await decoder.dispose();
    expect(ops.memory()).toEqual(before);
  });
});

test("results inside a layer are given in order, and are what the layer adds up", async () => {
  const decoder = new Decoder(backend, config, torch, "streamed");
  const model = new LayerwiseModel(decoder);
  const seen = new Map<string, Float32Array>();
  const states = await model.embed([[1, 5, 9]]);
  const [output] = await model.runLayer(0, states, (_, name, data) => seen.set(name, data));
  expect([...seen.keys()]).toEqual([
    "input_layernorm",
    "self_attn",
    "after_attention",
    "post_attention_layernorm",
    "mlp",
  ]);
  const middle = seen.get("after_attention") ?? new Float32Array(0);
  const fed = seen.get("mlp") ?? new Float32Array(0);
  expect(
    maxAbs(
      output?.data ?? [],
      middle.map((value, index) => value + (fed[index] ?? 0)),
    ),
  ).toBe(0);
  await decoder.dispose();
});
