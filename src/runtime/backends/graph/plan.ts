import { WbError } from "../../../errors/wb-error.ts";
import type { ModelConfig } from "../../../model/config/model-config.ts";
import { architectureOf } from "../../model/architecture.ts";
import { norm } from "../../model/norm.ts";
import { ModuleWeights } from "../../model/parameters.ts";
import { rotatesWholeCache } from "../../model/rope.ts";
import { TF_FLOAT, TF_INT32 } from "../native/binding.ts";
import { TF_DTYPE } from "../native/values.ts";
import type { ComputeDtype, Value } from "../ops.ts";
import { writeCache } from "./cache.ts";
import { GraphNodes, INT32, typeAttribute, type NodeName } from "./nodes.ts";
import { GraphOps, GraphValue, UNKNOWN } from "./ops.ts";
import { graphSteps, type RolledRotary } from "./steps.ts";
import { writeWeights, type GraphParameter } from "./weights.ts";

/** What a graph is written for. */
export interface GraphFacts {
  readonly config: ModelConfig;
  readonly compute: ComputeDtype;
  /** Rows of every step. */
  readonly batch: number;
  /** All but the head's, by their full names. */
  readonly parameters: readonly GraphParameter[];
  /** The head's bands of output rows, in order. */
  readonly head: readonly GraphParameter[];
}

/** The tag of the graph in its SavedModel. */
export const TAG = "serve";

/** The result of one band of the head, float32 [N, rows of the band]. */
export function logitsOf(band: number): NodeName {
  return `logits/${band}`;
}

/**
 * The model as a SavedModel whose weights, keys and values are variables; the blocks write themselves down. One run of its
 * logits is a step of any number of tokens, T of L that the cache has room for. Inputs, as the bits of float32 where they are
 * no whole numbers (whole numbers stay in host memory, from where runs take their inputs):
 * "embeddings" [B·T, C]; "cos" and "signed-sin" [B, 1, T, R], and of all L tokens "all-cos" and "all-signed-sin" where the cached keys
 * are rotated at each step, as `RolledRotary` says; "mask" as `GraphCarried` says; "rows" as `writeCache` takes them; "picked", the tokens whose logits are wanted.
 */
export function modelGraph({ config, compute, batch, parameters, head }: GraphFacts): Uint8Array {
  const nodes = new GraphNodes();
  const dtype = TF_DTYPE[compute];
  const floats = (name: string): NodeName =>
    nodes.bitcast(nodes.input(name, TF_INT32), TF_INT32, TF_FLOAT);
  const computed = (name: string, shape: readonly number[], given = shape): GraphValue =>
    new GraphValue(nodes.cast(floats(name), TF_FLOAT, dtype), shape, compute, given);
  const rotary = (which: "" | "all-"): RolledRotary => ({
    cos: computed(`${which}cos`, [batch, 1, UNKNOWN, config.rotaryDims]),
    signedSin: computed(`${which}signed-sin`, [batch, 1, UNKNOWN, config.rotaryDims]),
    pairs: config.rotaryPairs,
  });
  const architecture = architectureOf(config);
  const weights = new ModuleWeights(writeWeights(nodes, [...parameters, ...head]));
  const ops = new GraphOps(nodes);
  const steps = graphSteps(nodes, ops);
  const layerCache = writeCache(nodes, { ...config, batch, compute });
  const context = {
    newRotary: rotary(""),
    allRotary: rotatesWholeCache(config.rope) ? rotary("all-") : undefined,
    keyMask: floats("mask"),
  };
  const { hiddenSize: c } = config;
  let x: Value = computed("embeddings", [batch, UNKNOWN, c], [UNKNOWN, c]); // [B, T, C]
  for (let layer = 0; layer < config.layers; layer++) {
    const module = weights.scope(architecture.layer(layer));
    const cache = layerCache(layer);
    x = architecture.block.forward(steps, module, config, x, { ...context, cache });
  }
  const picked = nodes.add(
    "GatherV2",
    [ops.node(x), nodes.input("picked", TF_INT32), nodes.ints(1)],
    { Tparams: typeAttribute(dtype), Tindices: INT32, Taxis: INT32 },
  ); // [B, N, C]
  const rows = new GraphValue(picked, [batch, UNKNOWN, c], compute);
  if (architecture.norm === undefined) throw new WbError("WB7001", "a graph ends in a norm");
  const normed = norm(steps, weights.scope(architecture.norm), config, rows);
  for (const [band, { name }] of head.entries()) {
    const logits = nodes.cast(ops.linear(normed, weights.get(name)).node, dtype, TF_FLOAT);
    nodes.add("Identity", [logits], { T: typeAttribute(TF_FLOAT) }, { name: logitsOf(band) });
  }
  return nodes.savedModel(TAG);
}
