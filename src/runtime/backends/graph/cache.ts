import { TF_FLOAT, TF_HALF, TF_INT32 } from "../native/binding.ts";
import { TF_DTYPE } from "../native/values.ts";
import type { ComputeDtype, Value } from "../ops.ts";
import { INT32, NOT_COMPILED, typeAttribute, type GraphNodes, type NodeName } from "./nodes.ts";
import { GraphValue, UNKNOWN, valueOf } from "./ops.ts";
import type { GraphCache } from "./steps.ts";

/** Sizes of the keys, or of the values, of one layer. */
export interface CacheSizes {
  readonly layers: number;
  readonly batch: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly compute: ComputeDtype;
}

/**
 * Keys and values of all layers as variables [B·G, room, D], of which a step overwrites the rows that the input "rows" names
 * (of B·G·room) and sees all. "created" makes them without room; "resized" keeps their first "kept" rows and fills up with
 * zeros to as many more as "more" says.
 *
 * The variable's own memory is changed: `InplaceUpdate` gives its operand's array (core/kernels/inplace_ops.cc, v2.21.0), as
 * `Reshape` and `Bitcast` do. On a GPU it knows float and half, so that bfloat16 passes as half.
 */
export function writeCache(nodes: GraphNodes, sizes: CacheSizes): (layer: number) => GraphCache {
  const { layers, batch, kvHeads, headDim, compute } = sizes;
  const dtype = TF_DTYPE[compute];
  const bits = compute === "f32" ? TF_FLOAT : TF_HALF;
  const rows = nodes.input("rows", TF_INT32);
  const handles = Array.from({ length: 2 * layers }, (_, index) =>
    nodes.variable(`cache/${index}`, bits),
  );
  writeCreation(nodes, handles, bits, [batch * kvHeads, 0, headDim]);
  writeResizing(nodes, handles, bits);
  const put = (index: number, more: Value): GraphValue => {
    const added = nodes.bitcast(valueOf(more).node, dtype, bits); // [B, G, T, D]
    const all = nodes.read(handles[index] ?? "", bits); // [B·G, room, D]
    const update = [flat(all), rows, flat(added)];
    const updated = nodes.add("InplaceUpdate", update, { T: typeAttribute(bits), ...NOT_COMPILED });
    const shape = [batch, kvHeads, UNKNOWN, headDim];
    const shaped = nodes.reshape(nodes.bitcast(updated, bits, dtype), dtype, shape, NOT_COMPILED);
    return new GraphValue(shaped, shape, compute);
  };
  const flat = (node: NodeName): NodeName =>
    nodes.reshape(node, bits, [UNKNOWN, headDim], NOT_COMPILED);
  return (layer) => ({
    put: (keys, values) => ({
      keys: put(2 * layer, keys),
      values: put(2 * layer + 1, values),
    }),
  });
}

function writeCreation(
  nodes: GraphNodes,
  handles: readonly NodeName[],
  bits: number,
  shape: readonly number[],
): void {
  const zero = nodes.cast(nodes.number(0), TF_FLOAT, bits);
  const empty = nodes.add("Fill", [nodes.ints(shape), zero], {
    T: typeAttribute(bits),
    index_type: INT32,
  });
  nodes.milestone(
    "created",
    handles.map((handle) => nodes.assign(handle, empty, bits)),
  );
}

/** One variable after the other, so that only one is there twice. */
function writeResizing(nodes: GraphNodes, handles: readonly NodeName[], bits: number): void {
  const joined = (parts: readonly NodeName[]): NodeName => nodes.concat(parts, TF_INT32, 0);
  const all = nodes.ints([UNKNOWN]);
  const size = joined([all, nodes.input("kept", TF_INT32), all]);
  const edges = joined([nodes.ints([0, 0, 0]), nodes.input("more", TF_INT32), nodes.ints([0, 0])]);
  const padding = nodes.reshape(edges, TF_INT32, [3, 2]); // none but behind the rows
  let before: readonly NodeName[] = [];
  for (const handle of handles) {
    const old = nodes.read(handle, bits, before);
    const attributes = { T: typeAttribute(bits), ...NOT_COMPILED };
    const kept = nodes.add("Slice", [old, nodes.ints([0, 0, 0]), size], {
      ...attributes,
      Index: INT32,
    });
    const padded = nodes.add("Pad", [kept, padding], { ...attributes, Tpaddings: INT32 });
    before = [nodes.assign(handle, padded, bits)];
  }
  nodes.milestone("resized", before);
}
