import { WbError } from "../../../errors/wb-error.ts";
import { elementCount, sameShape } from "../../../tensor/shape.ts";
import { TF_FLOAT, TF_HALF } from "../native/binding.ts";
import { ELEMENT_BYTES, TF_DTYPE } from "../native/values.ts";
import type {
  BlockSteps,
  ComposedOps,
  ComputeDtype,
  LinearWeights,
  Value,
  Weight,
} from "../ops.ts";
import {
  INT32,
  typeAttribute,
  type GraphNodes,
  type NodeAttribute,
  type NodeName,
} from "./nodes.ts";

/** A length that is only known when the graph runs; a product of lengths with it is negative, too. */
export const UNKNOWN = -1;

/** An array that a graph will have. */
export class GraphValue implements Value {
  /** A node that gives its elements in order, and the shape that the node gives them. */
  node: NodeName;
  lying: readonly number[];
  /** Negative where a length is only known when the graph runs. */
  readonly shape: readonly number[];
  readonly dtype: ComputeDtype;

  constructor(
    node: NodeName,
    shape: readonly number[],
    dtype: ComputeDtype,
    lying: readonly number[] = shape,
  ) {
    this.node = node;
    this.shape = shape;
    this.dtype = dtype;
    this.lying = lying;
  }
}

/** A variable of the graph's session. */
export class GraphWeight implements Weight {
  /** Where it is read. */
  readonly node: NodeName;
  readonly shape: readonly number[];
  readonly dtype: ComputeDtype;

  constructor(node: NodeName, shape: readonly number[], dtype: ComputeDtype) {
    this.node = node;
    this.shape = shape;
    this.dtype = dtype;
  }

  get byteLength(): number {
    return (elementCount(this.shape) ?? 0) * ELEMENT_BYTES[this.dtype];
  }
}

/**
 * Writes the operations of a block as nodes of a graph, in place of running them. What attention takes is the graph's own
 * mask, float32 to add to scores, [B, 1, H/G · T, L]: a row for each query of each head that shares a key head. What rotation
 * takes as sin has its first half negated: Roll(x) · sin is then [−x2, x1] · sin of other backends.
 */
export class GraphOps implements ComposedOps {
  readonly fused: BlockSteps;
  readonly #nodes: GraphNodes;

  constructor(nodes: GraphNodes, mask: NodeName) {
    this.#nodes = nodes;
    this.fused = {
      linears: (x, layers) => layers.map(({ weight, bias }) => this.linear(x, weight, bias)),
      gatedLinear: (x, gate, up) => this.#gatedLinear(x, gate, up),
      rotate: (x, cos, sin) => this.#rotate(x, cos, sin),
      attention: (queries, keys, values) => this.#attention(queries, keys, values, mask),
    };
  }

  /** The node of a value once it has the value's own shape. */
  node(x: Value): NodeName {
    const own = valueOf(x);
    if (!sameShape(own.lying, own.shape)) {
      const sizes = own.shape.map((size) => Math.max(size, UNKNOWN));
      own.node = this.#nodes.reshape(own.node, TF_DTYPE[own.dtype], sizes);
      own.lying = own.shape;
    }
    return own.node;
  }

  linear(x: Value, weight: Weight, bias?: Weight): GraphValue {
    const own = weightOf(weight);
    const [outputs = 0, inputs = 0] = own.shape;
    const rows = this.node(this.reshape(x, [UNKNOWN, inputs])); // [M, I]
    const product = this.#nodes.add("MatMul", [rows, this.#weightAs(own, x.dtype)], {
      T: typeOf(x.dtype),
      transpose_b: { kind: "flag", value: true },
    });
    const shape = [...x.shape.slice(0, -1), outputs];
    const value = new GraphValue(product, shape, x.dtype, [UNKNOWN, outputs]); // [M, O]
    return bias === undefined
      ? value
      : this.#with("AddV2", value, this.#weightAs(weightOf(bias), x.dtype));
  }

  #gatedLinear(x: Value, gate: LinearWeights, up: LinearWeights): GraphValue {
    const gated = this.silu(this.linear(x, gate.weight, gate.bias));
    return this.mul(gated, this.linear(x, up.weight, up.bias));
  }

  rmsNorm(x: Value, weight: Weight, epsilon: number): GraphValue {
    const own = weightOf(weight);
    const flat = this.reshape(x, [UNKNOWN, own.shape[0] ?? 0]); // [M, C]
    this.node(flat);
    const wide = this.#cast(flat, "f32");
    const squares = this.#unary("Square", wide).node;
    const mean = this.#nodes.add("Mean", [squares, this.#nodes.ints([-1])], {
      T: typeOf("f32"),
      Tidx: INT32,
      keep_dims: { kind: "flag", value: true },
    }); // [M, 1]
    const sum = this.#nodes.add("AddV2", [mean, this.#nodes.number(epsilon)], { T: typeOf("f32") });
    const root = this.#nodes.add("Rsqrt", [sum], { T: typeOf("f32") });
    const normed = this.#cast(this.#with("Mul", wide, root), x.dtype);
    return this.reshape(this.#with("Mul", normed, this.#weightAs(own, x.dtype)), x.shape);
  }

  silu(x: Value): GraphValue {
    const wide = this.#cast(valueOf(x), "f32");
    return this.#cast(this.#with("Mul", wide, this.#unary("Sigmoid", wide).node), x.dtype);
  }

  add(left: Value, right: Value): GraphValue {
    return this.#binary("AddV2", valueOf(left), valueOf(right));
  }

  /** The right one may be broadcast to the left one's shape. */
  mul(left: Value, right: Value): GraphValue {
    return this.#binary("Mul", valueOf(left), valueOf(right));
  }

  /** Another look at the same array: a node is only written where an operation needs the shape. */
  reshape(x: Value, shape: readonly number[]): GraphValue {
    const own = valueOf(x);
    return new GraphValue(own.node, shape, own.dtype, own.lying);
  }

  transpose(x: Value, order: readonly number[]): GraphValue {
    const node = this.#nodes.transpose(this.node(x), TF_DTYPE[x.dtype], this.#nodes.ints(order));
    const shape = order.map((axis) => x.shape[axis] ?? 0);
    return new GraphValue(node, shape, x.dtype);
  }

  /** Along an axis whose lengths are known. */
  concat(values: readonly Value[], axis: number): GraphValue {
    const [first] = values;
    if (first === undefined) throw new WbError("WB7001", "nothing to put together in a graph");
    const total = values.reduce((sum, { shape }) => sum + (shape[axis] ?? 0), 0);
    const node = this.#nodes.concat(
      values.map((value) => this.node(value)),
      TF_DTYPE[first.dtype],
      axis,
    );
    return new GraphValue(node, first.shape.with(axis, total), first.dtype);
  }

  /** Other axes are taken whole, also where their length is unknown. */
  slice(x: Value, axis: number, begin: number, size: number): GraphValue {
    const begins = this.#nodes.ints(x.shape.map(() => 0).with(axis, begin));
    const sizes = this.#nodes.ints(x.shape.map(() => UNKNOWN).with(axis, size));
    const node = this.#nodes.add("Slice", [this.node(x), begins, sizes], {
      T: typeOf(x.dtype),
      Index: INT32,
    });
    return new GraphValue(node, x.shape.with(axis, size), x.dtype);
  }

  scope<T>(work: () => T): T {
    return work();
  }

  #rotate(x: Value, cos: Value, sin: Value): GraphValue {
    const dtype = TF_DTYPE[x.dtype];
    // Halves change places, whatever their bits mean: on a GPU, `Roll` knows float and half.
    const bits = x.dtype === "f32" ? TF_FLOAT : TF_HALF;
    const half = (x.shape.at(-1) ?? 0) / 2;
    const given = this.#nodes.bitcast(this.node(x), dtype, bits);
    const rolled = this.#nodes.add(
      "Roll",
      [given, this.#nodes.ints([half]), this.#nodes.ints([x.shape.length - 1])],
      { T: typeAttribute(bits), Tshift: INT32, Taxis: INT32 },
    );
    const turned = new GraphValue(this.#nodes.bitcast(rolled, bits, dtype), x.shape, x.dtype);
    return this.add(this.mul(x, cos), this.mul(turned, sin)); // [B, H, T, D]
  }

  #attention(queries: Value, keys: Value, values: Value, mask: NodeName): GraphValue {
    const [b = 0, h = 0, t = 0, d = 0] = queries.shape;
    const [, g = 0] = keys.shape;
    const rows = (h / g) * t; // query heads that share a key head: their queries are rows of one product
    const grouped = this.reshape(queries, [b, g, rows, d]);
    const products = this.#matmul(grouped, keys, true, UNKNOWN); // [B, G, H/G·T, L]
    const scale = this.#nodes.number(1 / Math.sqrt(d));
    const masked = this.#with("AddV2", this.#with("Mul", this.#cast(products, "f32"), scale), mask);
    const weights = this.#cast(this.#unary("Softmax", masked), queries.dtype);
    return this.reshape(this.#matmul(weights, values, false, d), queries.shape); // [B, H, T, D]
  }

  #matmul(left: Value, right: Value, transposeRight: boolean, columns: number): GraphValue {
    const node = this.#nodes.add("BatchMatMulV2", [this.node(left), this.node(right)], {
      T: typeOf(left.dtype),
      adj_x: { kind: "flag", value: false },
      adj_y: { kind: "flag", value: transposeRight },
    });
    return new GraphValue(node, left.shape.with(left.shape.length - 1, columns), left.dtype);
  }

  /** Element by element, however they lie. */
  #unary(op: string, x: GraphValue): GraphValue {
    const node = this.#nodes.add(op, [x.node], { T: typeOf(x.dtype) });
    return new GraphValue(node, x.shape, x.dtype, x.lying);
  }

  /** With a node that fits the left one as it lies. */
  #with(op: string, left: GraphValue, right: NodeName): GraphValue {
    const node = this.#nodes.add(op, [left.node, right], { T: typeOf(left.dtype) });
    return new GraphValue(node, left.shape, left.dtype, left.lying);
  }

  #binary(op: string, left: GraphValue, right: GraphValue): GraphValue {
    const alike = sameShape(left.shape, right.shape) && sameShape(left.lying, right.lying);
    if (alike) return this.#with(op, left, right.node);
    this.node(left);
    return this.#with(op, left, this.node(right));
  }

  #weightAs(weight: GraphWeight, dtype: ComputeDtype): NodeName {
    return this.#nodes.cast(weight.node, TF_DTYPE[weight.dtype], TF_DTYPE[dtype]);
  }

  #cast(x: GraphValue, dtype: ComputeDtype): GraphValue {
    const node = this.#nodes.cast(x.node, TF_DTYPE[x.dtype], TF_DTYPE[dtype]);
    return new GraphValue(node, x.shape, dtype, x.lying);
  }
}

function typeOf(dtype: ComputeDtype): NodeAttribute {
  return typeAttribute(TF_DTYPE[dtype]);
}

/** @throws WbError WB7001 for a value that is no node. */
export function valueOf(value: Value): GraphValue {
  if (value instanceof GraphValue) return value;
  throw new WbError("WB7001", "a value of another backend was given to a graph");
}

function weightOf(weight: Weight): GraphWeight {
  if (weight instanceof GraphWeight) return weight;
  throw new WbError("WB7001", "a weight of another backend was given to a graph");
}
