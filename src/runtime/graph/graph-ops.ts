import { WbError } from "../../errors/wb-error.ts";
import { elementCount } from "../../tensor/shape.ts";
import { TF_DTYPE } from "../native-values.ts";
import type {
  BlockSteps,
  ComposedOps,
  ComputeDtype,
  LinearWeights,
  Value,
  Weight,
} from "../ops.ts";
import { INT32, type, type GraphNodes, type NodeAttribute, type NodeName } from "./graph-nodes.ts";

/** A length that is only known when the graph runs; a product of lengths with it is negative, too. */
export const UNKNOWN = -1;

/** An array that a graph will have where its node is. */
export class GraphValue implements Value {
  readonly node: NodeName;
  /** Negative where a length is only known when the graph runs. */
  readonly shape: readonly number[];
  readonly dtype: ComputeDtype;

  constructor(node: NodeName, shape: readonly number[], dtype: ComputeDtype) {
    this.node = node;
    this.shape = shape;
    this.dtype = dtype;
  }
}

/** A variable of the graph's session. */
export class GraphWeight implements Weight {
  /** Where it is read. */
  readonly node: NodeName;
  readonly shape: readonly number[];
  readonly dtype: ComputeDtype;
  readonly byteLength: number;

  constructor(node: NodeName, shape: readonly number[], dtype: ComputeDtype) {
    this.node = node;
    this.shape = shape;
    this.dtype = dtype;
    this.byteLength = (elementCount(shape) ?? 0) * (dtype === "f32" ? 4 : 2);
  }
}

/**
 * Writes the operations of a block as nodes of a graph, in place of running them. What attention takes is the graph's own
 * mask, float32 to add to scores, [B, 1, H/G · T, L]: a row for each query of each head that shares a key head.
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

  linear(x: Value, weight: Weight, bias?: Weight): GraphValue {
    const own = weightOf(weight);
    const [outputs = 0, size = 0] = own.shape;
    const flat = this.reshape(x, [UNKNOWN, size]); // [M, I]
    const product = this.#nodes.add("MatMul", [flat.node, this.#weightAs(own, x.dtype)], {
      T: typeOf(x.dtype),
      transpose_b: { kind: "flag", value: true },
    });
    const rows = new GraphValue(product, [UNKNOWN, outputs], x.dtype); // [M, O]
    const sum =
      bias === undefined
        ? rows
        : this.#binary("AddV2", rows, this.#weightAs(weightOf(bias), x.dtype), rows.shape);
    return this.reshape(sum, [...x.shape.slice(0, -1), outputs]); // [..., O]
  }

  #gatedLinear(x: Value, gate: LinearWeights, up: LinearWeights): GraphValue {
    const gated = this.silu(this.linear(x, gate.weight, gate.bias));
    return this.mul(gated, this.linear(x, up.weight, up.bias));
  }

  rmsNorm(x: Value, weight: Weight, epsilon: number): GraphValue {
    const wide = this.#cast(valueOf(x), "f32");
    const mean = this.#nodes.add(
      "Mean",
      [this.#unary("Square", wide).node, this.#nodes.ints([-1])],
      {
        T: typeOf("f32"),
        Tidx: INT32,
        keep_dims: { kind: "flag", value: true },
      },
    ); // [..., 1]
    const sum = this.#nodes.add("AddV2", [mean, this.#nodes.number(epsilon)], { T: typeOf("f32") });
    const root = this.#nodes.add("Rsqrt", [sum], { T: typeOf("f32") });
    const normed = this.#cast(this.#binary("Mul", wide, root, x.shape), x.dtype);
    return this.#binary("Mul", normed, this.#weightAs(weightOf(weight), x.dtype), x.shape);
  }

  silu(x: Value): GraphValue {
    const wide = this.#cast(valueOf(x), "f32");
    return this.#cast(
      this.#binary("Mul", wide, this.#unary("Sigmoid", wide).node, x.shape),
      x.dtype,
    );
  }

  add(left: Value, right: Value): GraphValue {
    return this.#binary("AddV2", valueOf(left), valueOf(right).node, left.shape);
  }

  mul(left: Value, right: Value): GraphValue {
    return this.#binary("Mul", valueOf(left), valueOf(right).node, left.shape);
  }

  reshape(x: Value, shape: readonly number[]): GraphValue {
    const sizes = shape.map((size) => Math.max(size, UNKNOWN));
    const node = this.#nodes.reshape(valueOf(x).node, TF_DTYPE[x.dtype], sizes);
    return new GraphValue(node, shape, x.dtype);
  }

  transpose(x: Value, order: readonly number[]): GraphValue {
    const node = this.#nodes.add("Transpose", [valueOf(x).node, this.#nodes.ints(order)], {
      T: typeOf(x.dtype),
      Tperm: INT32,
    });
    return new GraphValue(
      node,
      order.map((axis) => x.shape[axis] ?? 0),
      x.dtype,
    );
  }

  /** Along an axis whose lengths are known. */
  concat(values: readonly Value[], axis: number): GraphValue {
    const [first, ...rest] = values.map(valueOf);
    if (first === undefined) throw new WbError("WB7001", "nothing to put together in a graph");
    const inputs = [first, ...rest];
    const total = inputs.reduce((sum, { shape }) => sum + (shape[axis] ?? 0), 0);
    const node = this.#nodes.add(
      "ConcatV2",
      [...inputs.map((value) => value.node), this.#nodes.ints(axis)],
      { N: { kind: "number", value: inputs.length }, T: typeOf(first.dtype), Tidx: INT32 },
    );
    return new GraphValue(node, first.shape.with(axis, total), first.dtype);
  }

  /** Other axes are taken whole, also where their length is unknown. */
  slice(x: Value, axis: number, begin: number, size: number): GraphValue {
    const begins = x.shape.map(() => 0).with(axis, begin);
    const sizes = x.shape.map(() => UNKNOWN).with(axis, size);
    const inputs = [valueOf(x).node, this.#nodes.ints(begins), this.#nodes.ints(sizes)];
    const node = this.#nodes.add("Slice", inputs, {
      T: typeOf(x.dtype),
      Index: INT32,
    });
    return new GraphValue(node, x.shape.with(axis, size), x.dtype);
  }

  scope<T>(work: () => T): T {
    return work();
  }

  #rotate(x: Value, cos: Value, sin: Value): GraphValue {
    const half = (x.shape.at(-1) ?? 0) / 2;
    const first = this.slice(x, 3, 0, half); // [B, H, T, D/2]
    const second = this.#unary("Neg", this.slice(x, 3, half, half)); // [B, H, T, D/2]
    return this.add(this.mul(x, cos), this.mul(this.concat([second, first], 3), sin)); // [B, H, T, D]
  }

  #attention(queries: Value, keys: Value, values: Value, mask: NodeName): GraphValue {
    const [b = 0, h = 0, t = 0, d = 0] = queries.shape;
    const [, g = 0] = keys.shape;
    const rows = (h / g) * t; // query heads that share a key head: their queries are rows of one product
    const grouped = this.reshape(queries, [b, g, rows, d]);
    const products = this.#matmul(grouped, valueOf(keys), true, UNKNOWN); // [B, G, H/G·T, L]
    const wide = this.#cast(products, "f32");
    const scaled = this.#binary("Mul", wide, this.#nodes.number(1 / Math.sqrt(d)), wide.shape);
    const masked = this.#binary("AddV2", scaled, mask, scaled.shape);
    const weights = this.#cast(this.#unary("Softmax", masked), queries.dtype);
    return this.reshape(this.#matmul(weights, valueOf(values), false, d), queries.shape); // [B, H, T, D]
  }

  #matmul(
    left: GraphValue,
    right: GraphValue,
    transposeRight: boolean,
    columns: number,
  ): GraphValue {
    const node = this.#nodes.add("BatchMatMulV2", [left.node, right.node], {
      T: typeOf(left.dtype),
      adj_x: { kind: "flag", value: false },
      adj_y: { kind: "flag", value: transposeRight },
    });
    return new GraphValue(node, [...left.shape.slice(0, -1), columns], left.dtype);
  }

  #unary(op: string, x: GraphValue): GraphValue {
    return new GraphValue(this.#nodes.add(op, [x.node], { T: typeOf(x.dtype) }), x.shape, x.dtype);
  }

  #binary(op: string, left: GraphValue, right: NodeName, shape: readonly number[]): GraphValue {
    const node = this.#nodes.add(op, [left.node, right], { T: typeOf(left.dtype) });
    return new GraphValue(node, shape, left.dtype);
  }

  #weightAs(weight: GraphWeight, dtype: ComputeDtype): NodeName {
    return this.#nodes.cast(weight.node, TF_DTYPE[weight.dtype], TF_DTYPE[dtype]);
  }

  #cast(x: GraphValue, dtype: ComputeDtype): GraphValue {
    const node = this.#nodes.cast(x.node, TF_DTYPE[x.dtype], TF_DTYPE[dtype]);
    return new GraphValue(node, x.shape, dtype);
  }
}

function typeOf(dtype: ComputeDtype): NodeAttribute {
  return type(TF_DTYPE[dtype]);
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
