import { TF_FLOAT, TF_INT32 } from "../native/binding.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

/** The output of a node, by its name. */
export type NodeName = string;

/** What an attribute of a node says. */
export type NodeAttribute =
  | { readonly kind: "type"; readonly type: number }
  | { readonly kind: "flag"; readonly value: boolean }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "unknown-shape" }
  | {
      readonly kind: "tensor";
      readonly type: number;
      readonly data: Int32Array | Float32Array;
      readonly shape: readonly number[];
    };

/** Attributes of a node by name. */
export type NodeAttributes = Readonly<Record<string, NodeAttribute>>;

/** An attribute that is a TF_DataType. */
export function typeAttribute(dtype: number): NodeAttribute {
  return { kind: "type", type: dtype };
}

export const INT32 = typeAttribute(TF_INT32);

/**
 * Keeps an operation out of what XLA compiles where TF_XLA_FLAGS asks for it: compiled, one that should give its operand's own
 * array gives a copy, and a variable may not change its shape.
 */
export const NOT_COMPILED = { _XlaCompile: { kind: "flag", value: false } } as const;

/** The version of GraphDef that nodes are written for, TensorFlow 2.17's: later ones take it, too (core/public/version.h). */
const PRODUCER = 1882;

/** Nodes of a TensorFlow graph (tensorflow/core/framework/graph.proto, v2.21.0). An input is a node's name, its first output. */
export class GraphNodes {
  readonly #nodes: ProtobufWriter[] = [];
  readonly #constants = new Map<string, NodeName>();

  /** Adds a node, which runs after those in `waits`. @returns its name. */
  add(
    op: string,
    inputs: readonly NodeName[],
    attributes: NodeAttributes,
    options: { readonly name?: string; readonly waits?: readonly NodeName[] } = {},
  ): NodeName {
    const name = options.name ?? `n${this.#nodes.length}`;
    const node = new ProtobufWriter().bytes(1, name).bytes(2, op);
    for (const input of inputs) node.bytes(3, input);
    for (const input of options.waits ?? []) node.bytes(3, `^${input}`);
    for (const [key, attribute] of Object.entries(attributes)) {
      node.bytes(5, new ProtobufWriter().bytes(1, key).bytes(2, attributeMessage(attribute)));
    }
    this.#nodes.push(node);
    return name;
  }

  /** What is given at each run; @param dtype a TF_DataType. */
  input(name: string, dtype: number): NodeName {
    const attributes = { dtype: typeAttribute(dtype), shape: { kind: "unknown-shape" } } as const;
    return this.add("Placeholder", [], attributes, { name });
  }

  /** A node that can be asked for by name: its number says nothing, but those in `waits` have run. */
  milestone(name: string, waits: readonly NodeName[]): NodeName {
    return this.add("Identity", [this.ints(0)], { T: INT32 }, { name, waits });
  }

  /** A variable of the session, of any shape. */
  variable(name: string, dtype: number): NodeName {
    return this.add("VarHandleOp", [], {
      dtype: typeAttribute(dtype),
      shape: { kind: "unknown-shape" },
      shared_name: { kind: "text", value: name },
    });
  }

  read(variable: NodeName, dtype: number, waits: readonly NodeName[] = []): NodeName {
    return this.add(
      "ReadVariableOp",
      [variable],
      { dtype: typeAttribute(dtype), ...NOT_COMPILED },
      { waits },
    );
  }

  assign(variable: NodeName, value: NodeName, dtype: number): NodeName {
    return this.add("AssignVariableOp", [variable, value], {
      dtype: typeAttribute(dtype),
      ...NOT_COMPILED,
    });
  }

  /** Axis i of the result is axis order[i]; `order` is a node of whole numbers. */
  transpose(node: NodeName, dtype: number, order: NodeName): NodeName {
    return this.add("Transpose", [node, order], { T: typeAttribute(dtype), Tperm: INT32 });
  }

  concat(parts: readonly NodeName[], dtype: number, axis: number): NodeName {
    const count = { kind: "number", value: parts.length } as const;
    const attributes = { N: count, T: typeAttribute(dtype), Tidx: INT32 };
    return this.add("ConcatV2", [...parts, this.ints(axis)], attributes);
  }

  reshape(
    node: NodeName,
    dtype: number,
    shape: readonly number[],
    attributes: NodeAttributes = {},
  ): NodeName {
    const all = { T: typeAttribute(dtype), Tshape: INT32, ...attributes };
    return this.add("Reshape", [node, this.ints(shape)], all);
  }

  /** An array of the same bytes as another type. */
  bitcast(node: NodeName, from: number, to: number): NodeName {
    return from === to
      ? node
      : this.add("Bitcast", [node], { T: typeAttribute(from), type: typeAttribute(to) });
  }

  cast(node: NodeName, from: number, to: number): NodeName {
    return from === to
      ? node
      : this.add("Cast", [node], { SrcT: typeAttribute(from), DstT: typeAttribute(to) });
  }

  /** Whole numbers that an operation takes as an argument; one number gives a scalar. */
  ints(values: number | readonly number[]): NodeName {
    const data = Int32Array.from(typeof values === "number" ? [values] : values);
    return this.#constant(TF_INT32, data, typeof values === "number" ? [] : [data.length]);
  }

  /** A float32 scalar. */
  number(value: number): NodeName {
    return this.#constant(TF_FLOAT, Float32Array.of(value), []);
  }

  #constant(type: number, data: Int32Array | Float32Array, shape: readonly number[]): NodeName {
    const key = `${type}:${shape.length}:${data.join()}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const made = this.add("Const", [], {
      dtype: { kind: "type", type },
      value: { kind: "tensor", type, data, shape },
    });
    this.#constants.set(key, made);
    return made;
  }

  /** A SavedModel of these nodes, under one tag (tensorflow/core/protobuf/saved_model.proto). */
  savedModel(tag: string): Uint8Array {
    const graph = new ProtobufWriter();
    for (const node of this.#nodes) graph.bytes(1, node);
    graph.bytes(4, new ProtobufWriter().varint(1, PRODUCER));
    const facts = new ProtobufWriter().bytes(4, tag);
    return new ProtobufWriter()
      .varint(1, 1)
      .bytes(2, new ProtobufWriter().bytes(1, facts).bytes(2, graph))
      .finish();
  }
}

/** tensorflow/core/framework/attr_value.proto, v2.21.0. */
function attributeMessage(attribute: NodeAttribute): ProtobufWriter {
  const message = new ProtobufWriter();
  switch (attribute.kind) {
    case "type":
      return message.varint(6, attribute.type);
    case "flag":
      return message.varint(5, attribute.value ? 1 : 0);
    case "number":
      return message.varint(3, attribute.value);
    case "text":
      return message.bytes(2, attribute.value);
    case "unknown-shape":
      return message.bytes(7, new ProtobufWriter().varint(3, 1));
    case "tensor":
      return message.bytes(8, tensorMessage(attribute.type, attribute.data, attribute.shape));
    default:
      return attribute satisfies never;
  }
}

/** tensorflow/core/framework/tensor.proto, v2.21.0. */
function tensorMessage(
  type: number,
  data: Int32Array | Float32Array,
  shape: readonly number[],
): ProtobufWriter {
  const dimensions = new ProtobufWriter();
  for (const size of shape) dimensions.bytes(2, new ProtobufWriter().varint(1, size));
  return new ProtobufWriter()
    .varint(1, type)
    .bytes(2, dimensions)
    .bytes(4, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}
