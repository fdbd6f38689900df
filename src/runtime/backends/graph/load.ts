import { checkWeightDtype, toFloat32, type WeightDtype } from "../cast.ts";
import { architectureOf } from "../../model/architecture.ts";
import { expectedTensors, layerTensors } from "../../../model/tensors.ts";
import type { Decoder } from "../../model/decoder.ts";
import type { RowRange, WeightSource } from "../../model/weights.ts";
import { COMPUTE_OF_STORED, keptAs } from "../native/values.ts";
import type { WeightBytes } from "../ops.ts";
import { modelGraph, TAG } from "./plan.ts";
import type { GraphSession, GraphSessions } from "./session.ts";
import type { GraphParameter } from "./weights.ts";

export interface LoadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onLayer?: ((done: number, total: number) => void) | undefined;
}

/** A parameter of the graph, and what of the checkpoint's it is. */
interface Part extends GraphParameter {
  readonly parameter: string;
  readonly rows: RowRange | undefined;
}

/** Writes a model's graph, loads it and fills its variables one by one, so that no weight is in memory twice. */
export async function loadGraph(
  decoder: Decoder,
  sessions: GraphSessions,
  batch: number,
  { signal, onLayer }: LoadOptions,
): Promise<GraphSession> {
  const { config, ops, weights } = decoder;
  const { parameters, head } = partsOf(decoder);
  const graph = modelGraph({ config, compute: ops.compute, batch, parameters, head });
  const session = await sessions.open(graph, TAG);
  const all = [...parameters, ...head];
  const perLayer = layerTensors(config, 0).length;
  let pending = read(weights.source, all[0]);
  try {
    for (let index = 0; index < all.length; index++) {
      signal?.throwIfAborted();
      const given = await pending;
      pending = read(weights.source, all[index + 1]);
      if (given !== undefined) fill(session, index, given);
      // Layers come first, in order.
      const done = (index + 1) / perLayer;
      if (Number.isInteger(done) && done <= config.layers) onLayer?.(done, config.layers);
    }
    session.run([], "created");
    return session;
  } catch (error) {
    session.dispose();
    await Promise.allSettled([pending]); // so that the checkpoint may be closed after
    throw error;
  }
}

function partsOf({ config, ops, weights }: Decoder): {
  readonly parameters: readonly Part[];
  readonly head: readonly Part[];
} {
  const architecture = architectureOf(config);
  const part = (parameter: string, shape: readonly number[], rows?: RowRange): Part => {
    const stored = storedAs(weights.source, parameter);
    return {
      parameter,
      rows,
      name: rows === undefined ? parameter : `${parameter}/${rows.begin}`,
      shape,
      stored: COMPUTE_OF_STORED[stored],
      kept: keptAs(stored, shape.length, ops.compute),
    };
  };
  return {
    parameters: expectedTensors(config)
      .filter(({ name }) => name !== architecture.embedding && name !== architecture.head)
      .map(({ name, shape }) => part(name, shape)),
    head: weights
      .headBands()
      .map((rows) => part(architecture.head, [rows.end - rows.begin, config.hiddenSize], rows)),
  };
}

function storedAs(source: WeightSource, name: string): WeightDtype {
  return checkWeightDtype(source.facts(name)?.dtype ?? "F32", name);
}

function read(source: WeightSource, part: Part | undefined): Promise<WeightBytes | undefined> {
  if (part === undefined) return Promise.resolve(undefined);
  const bytes = source.read(part.parameter, part.rows);
  // Its failure is reported when the parameter's turn comes; until then nobody waits for it.
  bytes.catch(() => undefined);
  return bytes;
}

function fill(session: GraphSession, index: number, weight: WeightBytes): void {
  const { bytes, elementBytes } = plainBytes(weight);
  const stored = weight.transposed ? weight.shape.toReversed() : weight.shape;
  const axes = weight.shape.map((_, axis) => axis);
  const order = weight.transposed ? axes.toReversed() : axes;
  session.run(
    [
      { name: "bytes", shape: [...stored, elementBytes], data: bytes },
      { name: "order", shape: [order.length], data: Int32Array.from(order) },
      { name: "index", shape: [], data: Int32Array.of(index) },
    ],
    "assigned",
  );
}

/** The bytes as a dtype that is computed in: float64 becomes float32. */
function plainBytes({ bytes, dtype, name }: WeightBytes): {
  readonly bytes: Uint8Array;
  readonly elementBytes: number;
} {
  const stored = checkWeightDtype(dtype, name);
  if (stored !== "F64") return { bytes, elementBytes: stored === "F32" ? 4 : 2 };
  const data = toFloat32(bytes, stored);
  const view = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { bytes: view, elementBytes: 4 };
}
