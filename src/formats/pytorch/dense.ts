import { sliceSource } from "../../sources/file.ts";
import { byteCount, renderShape, rowMajorStrides } from "../../tensor/shape.ts";
import { DTYPES } from "../../tensor/dtype.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import { affineSource, isCodeDtype } from "./affine.ts";
import { isAffine, parseAffine, readQuantizer } from "./quantizer.ts";
import { denseSource } from "./sparse-source.ts";
import { sparsePlaces } from "./sparse-places.ts";
import { isSparse, parseSparse } from "./sparse-tensor.ts";
import { refuseHuge } from "./expanded.ts";
import { malformed } from "./storage.ts";
import type { RebuildCall, TorchTensor } from "./tensor.ts";

/** A tensor of an unpickled file, once its storage was found and its place in it was checked. */
export type Place = (tensor: TorchTensor, where: string) => StoredTensor;

/**
 * A sparse or quantised tensor as the plain values that it stands for; undefined for any other call.
 * @param place Gives the parts that are plain tensors.
 * @throws WbError WB3302 for parts that do not fit together, WB4301 for what torch itself has no plain form of, WB5204.
 */
export function denseTensor(
  name: string,
  call: RebuildCall,
  place: Place,
  where: string,
): StoredTensor | undefined {
  if (isSparse(call)) return sparseTensor(name, call, place, where);
  return isAffine(call) ? affineTensor(name, call, place, where) : undefined;
}

function sparseTensor(name: string, call: RebuildCall, place: Place, where: string): StoredTensor {
  const sparse = parseSparse(call, where);
  const places = sparsePlaces(sparse, where);
  const part = (tensor: TorchTensor, what: string): StoredTensor => {
    // An element that is repeated costs nothing to store, and would be read for hours.
    if (tensor.strides.some((stride, axis) => stride === 0 && (tensor.shape[axis] ?? 0) > 1))
      throw malformed(where, `its ${what} repeat elements of their storage`);
    return place(tensor, `${where}: its ${what}`);
  };
  const { pointers } = sparse;
  const parts = {
    pointers: pointers === undefined ? undefined : part(pointers, "compressed indices"),
    indices: part(sparse.indices, "indices"),
    values: part(sparse.values, "values"),
  };
  const stored = Object.values(parts).filter((one) => one !== undefined);
  const { shape } = sparse;
  const { dtype } = parts.values;
  const byteLength = stored.reduce((sum, one) => sum + bytesOf(one), 0);
  refuseHuge(
    byteCount(shape, dtype),
    byteLength,
    `${where} (sparse ${dtype} ${renderShape(shape)})`,
  );
  return {
    name,
    dtype,
    shape,
    strides: rowMajorStrides(shape),
    source: denseSource(parts, places, where),
    byteOffset: 0,
    byteOrder: "little",
    storage: `sparse:${where}`,
    form: { kind: "sparse", type: `sparse ${sparse.layout.toUpperCase()}`, byteLength },
  };
}

function affineTensor(name: string, call: RebuildCall, place: Place, where: string): StoredTensor {
  const affine = parseAffine(call, where);
  const codes = place(affine.codes, where);
  const { dtype } = codes;
  if (!isCodeDtype(dtype)) throw malformed(where, `its codes are ${dtype}`);
  const width = DTYPES[dtype].bits / 8;
  // Whole elements, of which the tensor's first is one.
  const skipped = codes.byteOffset % width;
  const length = codes.source.byteLength - skipped;
  const whole = sliceSource(codes.source, skipped, length - (length % width));
  const first = (codes.byteOffset - skipped) / width;
  const scalesAt: (tensor: TorchTensor) => StoredTensor = (tensor) =>
    place(tensor, `${where}: its scales`);
  const { quantizer } = affine;
  const isPerTensor = quantizer.kind === "tensor";
  return {
    ...codes,
    name,
    dtype: "F32",
    byteOrder: "little",
    source: affineSource(whole, dtype, codes.byteOrder, () =>
      readQuantizer(affine, first, scalesAt, where),
    ),
    byteOffset: (first * DTYPES.F32.bits) / 8,
    storage: isPerTensor
      ? `${codes.storage}:${quantizer.scale}:${quantizer.zeroPoint}`
      : `quantised:${where}`,
    form: {
      kind: "quantised",
      type: `${TORCH_CODES[dtype]} per ${quantizer.kind}`,
      byteLength: bytesOf(codes),
    },
  };
}

/** torch's names of the dtypes of codes. */
const TORCH_CODES = { U8: "quint8", I8: "qint8", I32: "qint32" } as const;

function bytesOf({ shape, dtype }: StoredTensor): number {
  return byteCount(shape, dtype) ?? 0;
}
