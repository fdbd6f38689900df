import { TF_INT32, TF_UINT8 } from "../native/binding.ts";
import { TF_DTYPE } from "../native/values.ts";
import type { ComputeDtype } from "../ops.ts";
import { INT32, typeAttribute, type GraphNodes, type NodeName } from "./nodes.ts";
import { GraphWeight } from "./ops.ts";

/** A parameter, or some rows of one, as a variable of a graph's session. */
export interface GraphParameter {
  readonly name: string;
  readonly shape: readonly number[];
  /** What its bytes are given as. */
  readonly stored: ComputeDtype;
  /** What it stays as. */
  readonly kept: ComputeDtype;
}

/**
 * Variables, and one way to fill each: a run of "assigned" with "bytes" (uint8, a last axis more than the parameter as stored),
 * "order" (the axes of what is stored, so that a matrix that is stored as [in, out] becomes [out, in]) and "index" (which parameter).
 * One run for all, since TensorFlow prepares each set of results anew, which takes milliseconds.
 */
export function writeWeights(
  nodes: GraphNodes,
  parameters: readonly GraphParameter[],
): ReadonlyMap<string, GraphWeight> {
  const bytes = nodes.input("bytes", TF_UINT8);
  const order = nodes.input("order", TF_INT32);
  const chosen = nodes.add("_SwitchN", [bytes, nodes.input("index", TF_INT32)], {
    T: typeAttribute(TF_UINT8),
    num_outs: { kind: "number", value: parameters.length },
  });
  const weights = new Map<string, GraphWeight>();
  const filled: NodeName[] = [];
  for (const [index, { name, shape, stored, kept }] of parameters.entries()) {
    const dtype = TF_DTYPE[kept];
    const handle = nodes.variable(name, dtype);
    const given = nodes.bitcast(`${chosen}:${index}`, TF_UINT8, TF_DTYPE[stored]);
    const transposed = nodes.transpose(given, TF_DTYPE[stored], order);
    const assigned = nodes.assign(handle, nodes.cast(transposed, TF_DTYPE[stored], dtype), dtype);
    filled.push(nodes.milestone(`assigned/${name}`, [assigned]));
    weights.set(name, new GraphWeight(nodes.read(handle, dtype), shape, kept));
  }
  const attributes = { T: INT32, N: { kind: "number", value: filled.length } } as const;
  nodes.add("Merge", filled, attributes, { name: "assigned" });
  return weights;
}
