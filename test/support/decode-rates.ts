import { GraphDecoder } from "../../src/runtime/backends/graph/decoder.ts";
import type { ModelConfig } from "../../src/model/config/model-config.ts";
import { expectedTensors } from "../../src/model/tensors.ts";
import { Decoder } from "../../src/runtime/model/decoder.ts";
import type { TokenModel } from "../../src/runtime/model/token-model.ts";
import type { WeightSource } from "../../src/runtime/model/weights.ts";
import type { Backend } from "../../src/runtime/backends/backend.ts";
import type { Ops } from "../../src/runtime/backends/ops.ts";
import { elementCount } from "../../src/tensor/shape.ts";

/** How fast a model of drawn weights decodes, as a graph and call by call, and how fast the device reads. */
export interface DecodeRates {
  /** Tokens a second. */
  readonly graph: number;
  readonly calls: number;
  /** Bytes that each token reads. */
  readonly weightBytes: number;
  /** Bytes a second that a sum of two large arrays reads and writes. */
  readonly bandwidth: number;
}

/** Tokens after which a rate is taken, and over which. */
const WARM_UP = 8;
const TIMED = 32;

/** Measures a model of float16 weights in the dtype that the backend computes in, both ways one after the other. */
export async function decodeRates(
  backend: Backend,
  config: ModelConfig,
  streamedElements: number,
): Promise<DecodeRates> {
  const { ops, graphs } = backend;
  if (graphs === undefined) throw new Error("this backend runs no graphs");
  const source = drawnWeights(config);
  const calls = new Decoder(backend, config, source, "resident");
  await calls.load();
  const callRate = await rateOf(calls);
  await calls.dispose();
  const owner = new Decoder(backend, config, source, "resident");
  const graph = await GraphDecoder.open(owner, graphs, 1);
  const graphRate = await rateOf(graph);
  graph.dispose();
  await owner.dispose();
  const weightBytes = expectedTensors(config)
    .slice(1) // of the embeddings, a token reads one row
    .reduce(
      (sum, { shape }) => sum + (elementCount(shape) ?? 0) * ops.weightElementBytes("F16"),
      0,
    );
  const bandwidth = bandwidthOf(ops, streamedElements);
  return { graph: graphRate, calls: callRate, weightBytes, bandwidth };
}

/** float16 numbers between 2^-7 and 2^-6 of both signs, the same for each parameter of a size. */
function drawnWeights(config: ModelConfig): WeightSource {
  const shapes = new Map(expectedTensors(config).map(({ name, shape }) => [name, shape]));
  const shapeOf = (name: string): readonly number[] => shapes.get(name) ?? [];
  return {
    facts: (name) => (shapes.has(name) ? { dtype: "F16", shape: shapeOf(name) } : undefined),
    read: (name, rows) => {
      const whole = shapeOf(name);
      const shape = rows === undefined ? whole : whole.with(0, rows.end - rows.begin);
      const bits = new Uint16Array(elementCount(shape) ?? 0);
      let state = 1;
      for (let index = 0; index < bits.length; index++) {
        state = (state * 75 + 74) % 65537;
        bits[index] = 0x2000 | (state & 0x83ff);
      }
      const bytes = new Uint8Array(bits.buffer);
      return Promise.resolve({ name, bytes, dtype: "F16", shape, transposed: false });
    },
  };
}

async function rateOf(model: TokenModel): Promise<number> {
  const cache = model.createCache(1);
  try {
    await model.step({ ids: [Int32Array.of(1, 5, 9)] }, cache);
    let begin = 0;
    for (let token = 0; token < WARM_UP + TIMED; token++) {
      if (token === WARM_UP) begin = performance.now();
      await model.step({ ids: [Int32Array.of(token)] }, cache);
    }
    return (1000 * TIMED) / (performance.now() - begin);
  } finally {
    cache.dispose();
  }
}

function bandwidthOf(ops: Ops, elements: number): number {
  const times = 16;
  const x = ops.upload(new Float32Array(elements).fill(1), [elements]);
  const run = (count: number): void => {
    ops.scope(() => {
      let sum = x;
      for (let index = 0; index < count; index++) sum = ops.scope(() => ops.add(x, sum));
      ops.read(ops.slice(sum, 0, 0, 1));
      return undefined;
    });
  };
  run(2);
  const begin = performance.now();
  run(times);
  const seconds = (performance.now() - begin) / 1000;
  ops.free(x);
  const elementBytes = ops.compute === "f32" ? 4 : 2;
  return (times * 3 * elements * elementBytes) / seconds;
}
