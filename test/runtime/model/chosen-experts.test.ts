import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ModelConfig } from "../../../src/model/config/model-config.ts";
import { layerTensors } from "../../../src/model/tensors.ts";
import type { Backend } from "../../../src/runtime/backends/backend.ts";
import { openWasm } from "../../../src/runtime/backends/wasm/open.ts";
import { Decoder } from "../../../src/runtime/model/decoder.ts";
import type { ExpertBounds } from "../../../src/runtime/model/expert-store.ts";
import type { Residence } from "../../../src/runtime/model/weight-store.ts";
import type { WeightSource } from "../../../src/runtime/model/weights.ts";
import { openModel, requireConfig } from "../../../src/session/open-model.ts";
import { modelWeights } from "../../../src/session/open-runtime.ts";
import type { ByteSource } from "../../../src/tensor/byte-source.ts";
import { elementCount } from "../../../src/tensor/shape.ts";
import { drawnWeights } from "../../support/drawn-weights.ts";
import { familyConfig } from "../../support/bit-models.ts";
import { FIXTURES } from "../../support/fixture-manifest.ts";

let backend: Backend;
beforeAll(async () => {
  backend = await openWasm(1);
});
afterAll(() => {
  backend.ops.dispose();
});

const FAMILIES = [
  "mixtral",
  "qwen2_moe",
  "qwen3_moe",
  "ernie4_5_moe",
  "glm4_moe-groups",
  "deepseek_v2",
  "deepseek_v3",
] as const;

/** Ways to hold experts; what one takes in a layer is in `one`. */
const WAYS: readonly (readonly [
  title: string,
  residence: Residence,
  bounds: (one: number) => ExpertBounds | undefined,
])[] = [
  ["resident", "resident", () => undefined],
  ["resident, one expert a layer kept", "resident", (one) => ({ running: one, kept: one })],
  ["resident, none kept", "resident", (one) => ({ running: one, kept: 0 })],
  [
    "streamed, two experts a layer kept",
    "streamed",
    (one) => ({ running: 2 * one, kept: 2 * one }),
  ],
  ["streamed, no room at all", "streamed", () => ({ running: 0, kept: 0 })],
];

/** Bytes on the device of one expert of a layer, in float32. */
function expertBytes(config: ModelConfig): number {
  const layer = config.experts?.layers.indexOf(true) ?? 0;
  return layerTensors(config, layer)
    .filter(({ expert }) => expert === 0)
    .reduce((sum, { shape }) => sum + 4 * (elementCount(shape) ?? 0), 0);
}

/** Logits after a prompt and after each of three further tokens. */
async function decoded(decoder: Decoder): Promise<readonly (readonly number[])[]> {
  const cache = decoder.createCache(1);
  const logits: number[][] = [];
  for (const ids of [[1, 7, 3, 9, 2], [5], [5], [11]]) {
    const [row = new Float32Array(0)] = await decoder.step({ ids: [Int32Array.from(ids)] }, cache);
    logits.push([...row]);
  }
  cache.dispose();
  return logits;
}

describe.each(FAMILIES)("experts of %s", (name) => {
  test("give the same bits however few of them stay, and leave nothing behind", async () => {
    const config = await familyConfig(name);
    const before = backend.ops.memory();
    const results: (readonly (readonly number[])[])[] = [];
    for (const [, residence, bounds] of WAYS) {
      const decoder = new Decoder(
        backend,
        config,
        drawnWeights(config, "F32"),
        residence,
        undefined,
        bounds(expertBytes(config)),
      );
      results.push(await decoded(decoder));
      await decoder.dispose();
      expect(backend.ops.memory()).toEqual(before);
    }
    const [first] = results;
    expect(first?.[0]?.some((value) => value !== 0 && Number.isFinite(value))).toBe(true);
    for (const [index, result] of results.entries())
      expect(result, WAYS[index]?.[0]).toEqual(first);
  });
});

/** A source that says which parameters were read of it. */
function watched(source: WeightSource, seen: string[]): WeightSource {
  return {
    facts: (name) => source.facts(name),
    read: (name, rows) => {
      seen.push(name);
      return source.read(name, rows);
    },
  };
}

/** `layer.expert` of each name of a routed expert, once. */
function expertsIn(names: readonly string[]): readonly string[] {
  const found = names.map((name) => /\.layers\.(\d+)\..*\.experts\.(\d+)\./.exec(name));
  return [
    ...new Set(found.flatMap((match) => (match === null ? [] : [`${match[1]}.${match[2]}`]))),
  ];
}

test.each(["resident", "streamed"] as const)(
  "a token reads no more experts than it takes, %s",
  async (residence) => {
    const config = await familyConfig("qwen3_moe");
    const { perToken = 0, count = 0, layers = [] } = config.experts ?? {};
    const seen: string[] = [];
    const source = watched(drawnWeights(config, "F32"), seen);
    const decoder = new Decoder(backend, config, source, residence);
    await decoder.load();
    expect(expertsIn(seen)).toEqual([]);
    const cache = decoder.createCache(1);
    await decoder.step({ ids: [Int32Array.of(3)] }, cache);
    const read = expertsIn(seen);
    const sparse = layers.filter(Boolean).length;
    expect(perToken).toBeLessThan(count);
    expect(read.length).toBe(sparse * perToken);
    // Each of an expert's matrices is read once.
    expect(seen.filter((name) => name.includes(".experts.")).length).toBe(3 * sparse * perToken);
    cache.dispose();
    await decoder.dispose();
  },
);

test("an expert that stays is not read again, and one that had to go is", async () => {
  const config = await familyConfig("qwen3_moe");
  const one = expertBytes(config);
  const readsOf = async (bounds: ExpertBounds): Promise<number> => {
    const seen: string[] = [];
    const source = watched(drawnWeights(config, "F32"), seen);
    const decoder = new Decoder(backend, config, source, "streamed", undefined, bounds);
    const cache = decoder.createCache(1);
    await decoder.step({ ids: [Int32Array.of(3)] }, cache);
    const before = seen.filter((name) => name.includes(".experts.")).length;
    // Another text, so that the same token takes the same experts.
    const again = decoder.createCache(1);
    await decoder.step({ ids: [Int32Array.of(3)] }, again);
    const after = seen.filter((name) => name.includes(".experts.")).length;
    cache.dispose();
    again.dispose();
    await decoder.dispose();
    return after - before;
  };
  const perToken = config.experts?.perToken ?? 0;
  const sparse = config.experts?.layers.filter(Boolean).length ?? 0;
  const all = perToken * one;
  expect(await readsOf({ running: all, kept: all })).toBe(0);
  expect(await readsOf({ running: all, kept: 0 })).toBe(3 * perToken * sparse);
});

/** A source of bytes that counts what is read of it. */
function counted(source: ByteSource, count: (bytes: number) => void): ByteSource {
  return {
    label: source.label,
    byteLength: source.byteLength,
    read: (begin, byteLength) => {
      count(byteLength);
      return source.read(begin, byteLength);
    },
    readInto: (begin, target) => {
      count(target.byteLength);
      return source.readInto(begin, target);
    },
  };
}

test.each(["qwen3_moe", "qwen3_moe-paddleformers", "mixtral-paddle", "deepseek_v3-paddle"])(
  "of the files of %s a token's experts are read to the byte, and no others",
  async (folder) => {
    const model = await openModel(join(FIXTURES, folder));
    const config = requireConfig(model);
    let bytes = 0;
    const tensors = model.checkpoint.tensors.map((tensor) => ({
      ...tensor,
      source: counted(tensor.source, (more) => {
        if (tensor.name.includes(".experts.")) bytes += more;
      }),
    }));
    const checkpoint = { ...model.checkpoint, tensors };
    const source = modelWeights({ ...model, checkpoint }, config);
    const decoder = new Decoder(backend, config, source, "streamed");
    const cache = decoder.createCache(1);
    await decoder.step({ ids: [Int32Array.of(3)] }, cache);
    const { perToken = 0, layers = [] } = config.experts ?? {};
    const elements = (expertBytes(config) / 4) * perToken * layers.filter(Boolean).length;
    const stored = tensors.find(({ name }) => name.includes(".experts."))?.dtype;
    expect(stored === "F32" || stored === "BF16" || stored === "F16").toBe(true);
    expect(bytes).toBe(elements * (stored === "F32" ? 4 : 2));
    cache.dispose();
    await decoder.dispose();
    await model.checkpoint.close();
  },
);

test("a read that fails fails the token that needs it, and leaves nothing behind", async () => {
  const config = await familyConfig("mixtral");
  const drawn = drawnWeights(config, "F32");
  const broken: WeightSource = {
    facts: (name) => drawn.facts(name),
    read: async (name, rows) => {
      if (name.includes(".layers.1.") && name.includes(".experts."))
        throw new Error("the disk is gone");
      return drawn.read(name, rows);
    },
  };
  const before = backend.ops.memory();
  const decoder = new Decoder(backend, config, broken, "streamed");
  const cache = decoder.createCache(1);
  await expect(decoder.step({ ids: [Int32Array.of(1, 2)] }, cache)).rejects.toThrow(
    "the disk is gone",
  );
  cache.dispose();
  await decoder.dispose();
  expect(backend.ops.memory()).toEqual(before);
});
