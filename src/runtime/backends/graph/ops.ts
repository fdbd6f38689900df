import { WbError } from "../../../errors/wb-error.ts";
import { elementCount, sameShape } from "../../../tensor/shape.ts";
import { ELEMENT_BYTES, TF_DTYPE } from "../native/values.ts";
import type { ComputeDtype, Value, Weight } from "../ops.ts";
import type { NetworkOps } from "../steps/composed.ts";
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
  nodeShape: readonly number[];
  /** Negative where a length is only known when the graph runs. */
  readonly shape: readonly number[];
  readonly dtype: ComputeDtype;

  constructor(
    node: NodeName,
    shape: readonly number[],
    dtype: ComputeDtype,
    nodeShape: readonly number[] = shape,
  ) {
    this.node = node;
    this.shape = shape;
    this.dtype = dtype;
    this.nodeShape = nodeShape;
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

/** Writes operations as nodes of a graph, in place of running them. */
export class GraphOps implements NetworkOps {
  readonly #nodes: GraphNodes;

  constructor(nodes: GraphNodes) {
    this.#nodes = nodes;
  }

  /** The node of a value once it has the value's own shape. */
  node(x: Value): NodeName {
    const own = valueOf(x);
    if (!sameShape(own.nodeShape, own.shape)) {
      const sizes = own.shape.map((size) => Math.max(size, UNKNOWN));
      own.node = this.#nodes.reshape(own.node, TF_DTYPE[own.dtype], sizes);
      own.nodeShape = own.shape;
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
      : this.with("AddV2", value, this.#weightAs(weightOf(bias), x.dtype));
  }

  rmsNorm(x: Value, weight: Weight, epsilon: number): GraphValue {
    const own = weightOf(weight);
    const flat = this.reshape(x, [UNKNOWN, own.shape[0] ?? 0]); // [M, C]
    this.node(flat);
    const wide = this.cast(flat, "f32");
    const squares = this.unary("Square", wide).node;
    const mean = this.#nodes.add("Mean", [squares, this.#nodes.ints([-1])], {
      T: typeOf("f32"),
      Tidx: INT32,
      keep_dims: { kind: "flag", value: true },
    }); // [M, 1]
    const sum = this.#nodes.add("AddV2", [mean, this.#nodes.number(epsilon)], { T: typeOf("f32") });
    const root = this.#nodes.add("Rsqrt", [sum], { T: typeOf("f32") });
    const normed = this.cast(this.with("Mul", wide, root), x.dtype);
    return this.reshape(this.with("Mul", normed, this.#weightAs(own, x.dtype)), x.shape);
  }

  silu(x: Value): GraphValue {
    const wide = this.cast(valueOf(x), "f32");
    return this.cast(this.with("Mul", wide, this.unary("Sigmoid", wide).node), x.dtype);
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
    return new GraphValue(own.node, shape, own.dtype, own.nodeShape);
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

  /** Element by element, in the shape that the node gives them. */
  unary(op: string, x: GraphValue): GraphValue {
    const node = this.#nodes.add(op, [x.node], { T: typeOf(x.dtype) });
    return new GraphValue(node, x.shape, x.dtype, x.nodeShape);
  }

  /** With a node that fits the left one in the shape that its node gives it. */
  with(op: string, left: GraphValue, right: NodeName): GraphValue {
    const node = this.#nodes.add(op, [left.node, right], { T: typeOf(left.dtype) });
    return new GraphValue(node, left.shape, left.dtype, left.nodeShape);
  }

  #binary(op: string, left: GraphValue, right: GraphValue): GraphValue {
    const alike = sameShape(left.shape, right.shape) && sameShape(left.nodeShape, right.nodeShape);
    if (alike) return this.with(op, left, right.node);
    this.node(left);
    return this.with(op, left, this.node(right));
  }

  #weightAs(weight: GraphWeight, dtype: ComputeDtype): NodeName {
    return this.#nodes.cast(weight.node, TF_DTYPE[weight.dtype], TF_DTYPE[dtype]);
  }

  cast(x: GraphValue, dtype: ComputeDtype): GraphValue {
    const node = this.#nodes.cast(x.node, TF_DTYPE[x.dtype], TF_DTYPE[dtype]);
    return new GraphValue(node, x.shape, dtype, x.nodeShape);
  }
}

/** The attribute that names a dtype. */
export function typeOf(dtype: ComputeDtype): NodeAttribute {
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
