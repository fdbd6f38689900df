import { WbError } from "../../../errors/wb-error.ts";
import type { RotaryPairs } from "../../../model/config/model-config.ts";
import { TF_FLOAT, TF_HALF } from "../native/binding.ts";
import { TF_DTYPE } from "../native/values.ts";
import type { Value } from "../ops.ts";
import { composedNetwork } from "../steps/composed.ts";
import { rotateHeads } from "../steps/rotary.ts";
import { oneByOne, type Carried, type KeysAndValues, type Steps } from "../steps/steps.ts";
import { INT32, typeAttribute, type GraphNodes, type NodeName } from "./nodes.ts";
import { GraphValue, typeOf, UNKNOWN, type GraphOps } from "./ops.ts";

/** Rotation by halves that change places: [x2, x1] · signedSin is [−x2, x1] · sin. */
export interface RolledRotary {
  readonly cos: GraphValue;
  /** The first half of each token's sines is negated. */
  readonly signedSin: GraphValue;
  readonly pairs: RotaryPairs;
}

/** Where a layer's keys and values are variables of the graph's session. */
export interface GraphCache {
  /** Overwrites the rows that the step names, and gives all. */
  put(keys: Value, values: Value): KeysAndValues;
}

/** What the steps of a graph take. */
export interface GraphCarried extends Carried {
  readonly rotary: RolledRotary;
  /** Float32 to add to scores, [B, 1, H/G · T, L]: a row for each query of each head that shares a key head. */
  readonly mask: NodeName;
  readonly cache: GraphCache;
}

/** Writes the steps of a block as nodes of a graph, in place of running them. */
export function graphSteps(nodes: GraphNodes, ops: GraphOps): Steps<GraphCarried> {
  return {
    ...composedNetwork(ops),
    rotate: (x, rotary) =>
      rotateHeads(ops, x, rotary, (part) => rotateRolled(nodes, ops, part, rotary)),
    append: (cache, keys, values) => cache.put(keys, values),
    attention: (queries, keys, values, mask, limits) => {
      if (limits !== undefined) throw new WbError("WB7001", "a graph has no limits of attention");
      return attention(nodes, ops, queries, keys, values, mask);
    },
    activate: (_x, activation) => {
      throw new WbError("WB7001", `a graph has no ${activation}`);
    },
    layerNorm: () => {
      throw new WbError("WB7001", "a graph has no LayerNorm");
    },
    widen: (_x, size) => {
      throw new WbError("WB7001", `a graph has no filling up to ${size}`);
    },
    scale: (_x, factor) => {
      throw new WbError("WB7001", `a graph has no factor ${factor}`);
    },
    layers: oneByOne,
    layerBytes: 0,
  };
}

function rotateRolled(
  nodes: GraphNodes,
  ops: GraphOps,
  x: Value,
  { cos, signedSin }: RolledRotary,
): GraphValue {
  const dtype = TF_DTYPE[x.dtype];
  // Halves change places, whatever their bits mean: on a GPU, `Roll` knows float and half.
  const bits = x.dtype === "f32" ? TF_FLOAT : TF_HALF;
  const half = (x.shape.at(-1) ?? 0) / 2;
  const given = nodes.bitcast(ops.node(x), dtype, bits);
  const rolled = nodes.add("Roll", [given, nodes.ints([half]), nodes.ints([x.shape.length - 1])], {
    T: typeAttribute(bits),
    Tshift: INT32,
    Taxis: INT32,
  });
  const swapped = new GraphValue(nodes.bitcast(rolled, bits, dtype), x.shape, x.dtype);
  return ops.add(ops.mul(x, cos), ops.mul(swapped, signedSin)); // [B, H, T, D]
}

function attention(
  nodes: GraphNodes,
  ops: GraphOps,
  queries: Value,
  keys: Value,
  values: Value,
  mask: NodeName,
): GraphValue {
  const [b = 0, h = 0, t = 0, d = 0] = queries.shape;
  const [, g = 0] = keys.shape;
  const rows = (h / g) * t; // query heads that share a key head: their queries are rows of one product
  const grouped = ops.reshape(queries, [b, g, rows, d]);
  const products = matmul(nodes, ops, grouped, keys, true, UNKNOWN); // [B, G, H/G·T, L]
  const scale = nodes.number(1 / Math.sqrt(d));
  const masked = ops.with("AddV2", ops.with("Mul", ops.cast(products, "f32"), scale), mask);
  const weights = ops.cast(ops.unary("Softmax", masked), queries.dtype);
  return ops.reshape(matmul(nodes, ops, weights, values, false, d), queries.shape); // [B, H, T, D]
}

function matmul(
  nodes: GraphNodes,
  ops: GraphOps,
  left: Value,
  right: Value,
  transposeRight: boolean,
  columns: number,
): GraphValue {
  const node = nodes.add("BatchMatMulV2", [ops.node(left), ops.node(right)], {
    T: typeOf(left.dtype),
    adj_x: { kind: "flag", value: false },
    adj_y: { kind: "flag", value: transposeRight },
  });
  return new GraphValue(node, left.shape.with(left.shape.length - 1, columns), left.dtype);
}
