import type { ModelConfig } from "../model/config/model-config.ts";
import { madeSource } from "../sources/made-source.ts";
import type { ByteSource } from "../tensor/byte-source.ts";
import { decodeFloats } from "../tensor/decode.ts";
import { DTYPES } from "../tensor/dtype.ts";
import { rowMajorStrides } from "../tensor/shape.ts";
import type { StoredTensor } from "../tensor/table.ts";
import {
  assemblyOf,
  narrowRows,
  transposedAssembly,
  wholeView,
  type Assembly,
  type TensorView,
} from "./assembly.ts";
import { readAssembly } from "./read-assembly.ts";
import type { NamedTensor } from "./write-statement.ts";

/**
 * What raises a latent to keys and values, kv_b_proj [heads · (K + V), rank]. llama.cpp keeps two tensors of it (llama-cpp-python 0.3.36,
 * conversion/deepseek.py, `DeepseekV2Model.modify_tensors`): keys [heads, rank, K], transposed head by head, and values [heads, V, rank].
 */
const JOINED = "attn_kv_b.weight";
const KEYS = "attn_k_b.weight";
const VALUES = "attn_v_b.weight";

/** Tensors of GGUF with the two joined to the one that a model has; files of before the two have the one. */
export function joinLatents(
  tensors: readonly StoredTensor[],
  { latent }: ModelConfig,
): readonly StoredTensor[] {
  if (latent === undefined) return tensors;
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const pairOf = (layer: string): Pair | undefined => {
    const [keys, values] = [byName.get(layer + KEYS), byName.get(layer + VALUES)];
    return keys === undefined || values === undefined ? undefined : pair(keys, values);
  };
  return tensors.flatMap((tensor) => {
    const end = [KEYS, VALUES].find((name) => tensor.name.endsWith(`.${name}`));
    if (end === undefined) return [tensor];
    const layer = tensor.name.slice(0, -end.length);
    const found = pairOf(layer);
    if (found === undefined) return [tensor];
    if (end === VALUES) return [];
    const storedName = [found.keys, found.values].map(({ name }) => name).join(", ");
    return [{ ...joined(layer + JOINED, found), storedName }];
  });
}

interface Pair {
  readonly keys: StoredTensor;
  readonly values: StoredTensor;
  readonly heads: number;
  readonly rank: number;
  readonly keyDims: number;
  readonly valueDims: number;
}

/** Undefined where the two do not belong together; then they are tensors that the model has not. */
function pair(keys: StoredTensor, values: StoredTensor): Pair | undefined {
  const [heads = 0, rank = 0, keyDims = 0, ...more] = keys.shape;
  const [others = 0, valueDims = 0, width = 0, ...others2] = values.shape;
  const fits = heads === others && rank === width && more.length + others2.length === 0;
  return fits && heads * rank * keyDims * valueDims > 0
    ? { keys, values, heads, rank, keyDims, valueDims }
    : undefined;
}

function joined(
  name: string,
  { keys, values, heads, rank, keyDims, valueDims }: Pair,
): StoredTensor {
  const shape = [heads * (keyDims + valueDims), rank];
  const dtype = keys.dtype === values.dtype ? keys.dtype : "F32";
  const view = (
    tensor: StoredTensor,
    head: number,
    rows: number,
    axes: readonly [number, number],
  ): TensorView => ({
    tensor,
    elementOffset: head * (tensor.strides[0] ?? 0),
    shape: [rows, rank],
    strides: axes.map((axis) => tensor.strides[axis] ?? 0),
  });
  const bytesOf = async (part: TensorView): Promise<Uint8Array> => {
    const bytes = await readAssembly(assemblyOf(part));
    if (part.tensor.dtype === dtype) return bytes;
    const numbers = decodeFloats(bytes, part.tensor.dtype) ?? new Float32Array(0);
    return new Uint8Array(numbers.buffer);
  };
  const source = headSource(name, { dtype, shape }, heads, async (head) => [
    await bytesOf(view(keys, head, keyDims, [2, 1])),
    await bytesOf(view(values, head, valueDims, [1, 2])),
  ]);
  return madeTensor(name, { dtype, shape }, source);
}

/** One tensor of a conversion as the two that llama.cpp has. */
export function splitLatent(
  tensor: NamedTensor,
  { latent, heads }: ModelConfig,
): readonly NamedTensor[] {
  if (latent === undefined || !tensor.name.endsWith(`.${JOINED}`)) return [tensor];
  const { assembly } = tensor;
  const { dtype } = assembly;
  const [rows = 0, rank = 0] = assembly.shape;
  const { valueDims } = latent;
  const each = rows / heads;
  const keyDims = each - valueDims;
  const layer = tensor.name.slice(0, -JOINED.length);
  const made = (
    end: string,
    shape: readonly number[],
    part: (head: number) => Assembly,
  ): NamedTensor => {
    const name = layer + end;
    const source = headSource(name, { dtype, shape }, heads, async (head) => [
      await readAssembly(part(head)),
    ]);
    const view = wholeView(madeTensor(name, { dtype, shape }, source));
    return { ...tensor, name, assembly: assemblyOf(view) };
  };
  return [
    made(KEYS, [heads, rank, keyDims], (head) =>
      transposedAssembly(narrowRows(assembly, head * each, head * each + keyDims)),
    ),
    made(VALUES, [heads, valueDims, rank], (head) =>
      narrowRows(assembly, head * each + keyDims, (head + 1) * each),
    ),
  ];
}

type Facts = Pick<StoredTensor, "dtype" | "shape">;

/** Bytes of a tensor whose heads are made one after another, each of the same size; the last one is kept for the next range. */
function headSource(
  label: string,
  { dtype, shape }: Facts,
  heads: number,
  make: (head: number) => Promise<readonly Uint8Array[]>,
): ByteSource {
  const count = shape.reduce((product, size) => product * size, 1);
  const byteLength = (count * DTYPES[dtype].bits) / 8;
  const each = byteLength / heads;
  let last: { readonly head: number; readonly bytes: Uint8Array } | undefined;
  const headOf = async (head: number): Promise<Uint8Array> => {
    if (last?.head !== head) last = { head, bytes: Buffer.concat(await make(head)) };
    return last.bytes;
  };
  return madeSource({ label, byteLength }, async (begin, target) => {
    for (let at = 0; at < target.byteLength;) {
      const head = Math.floor((begin + at) / each);
      const from = begin + at - head * each;
      const bytes = (await headOf(head)).subarray(from, from + target.byteLength - at);
      target.set(bytes, at);
      at += bytes.byteLength;
    }
  });
}

function madeTensor(name: string, { dtype, shape }: Facts, source: ByteSource): StoredTensor {
  return {
    name,
    dtype,
    shape,
    strides: rowMajorStrides(shape),
    storage: name,
    source,
    byteOffset: 0,
    byteOrder: "little",
  };
}
