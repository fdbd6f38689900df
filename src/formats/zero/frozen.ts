import { DTYPES } from "../../tensor/dtype.ts";
import {
  elementCount,
  isRowMajor,
  renderShape,
  rowMajorStrides,
  sameShape,
} from "../../tensor/shape.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import { isTorchTensor } from "../pytorch/tensor.ts";
import { wrong } from "./fields.ts";
import { partedSource } from "./join.ts";
import type { StateFile } from "./state-file.ts";
import { modelStates, type ModelStates } from "./states.ts";

/**
 * The parameters that are not trained: whole in one file of model states, or each divided among those of the ranks, its end padded to a
 * multiple of their number (DeepSpeed v0.19.8, utils/zero_to_fp32.py, `_zero3_merge_frozen_params`).
 * @throws WbError WB3608 where the parts do not make their shapes.
 */
export function frozenTensors(
  states: ModelStates,
  files: readonly StateFile[],
  folder: string,
): readonly StoredTensor[] {
  if (states.frozenShapes.size === 0) return [];
  const ranks = files.map((file, rank) => ({
    file,
    frozen: rank === 0 ? states.frozen : modelStates(file.value, file.path).frozen,
  }));
  return [...states.frozenShapes].map(([name, shape]) => {
    const parts = ranks.map(({ file, frozen }) => {
      const value = frozen.get(name);
      if (value === undefined) throw wrong(file.path, `${name}, which is not trained, is missing`);
      return file.tensor(name, value);
    });
    return files.length === 1 ? whole(parts, shape, folder) : fromParts(name, parts, shape, folder);
  });
}

/**
 * Parameters of the module that are in no group, as they are stored: ZeRO 1 writes no fragments of those that are not trained, and
 * zero_to_fp32 loses them.
 */
export function untrainedTensors(
  { parameters, shapes, shared }: ModelStates,
  model: StateFile,
): readonly StoredTensor[] {
  const known = new Set([
    ...shapes.flatMap((group) => [...group.keys()]),
    ...shared.map(([alias]) => alias),
  ]);
  return [...parameters].flatMap(([name, value]) =>
    known.has(name) || !isTorchTensor(value) ? [] : [model.tensor(name, value)],
  );
}

/** One rank holds it in its own shape, or flat. */
function whole(
  [part]: readonly StoredTensor[],
  shape: readonly number[],
  folder: string,
): StoredTensor {
  if (part === undefined) throw wrong(folder, "no model states are there");
  if (sameShape(part.shape, shape)) return part;
  if (!isFlat(part, elementCount(shape) ?? Number.NaN)) throw unfit(part, shape, folder);
  return { ...part, shape, strides: rowMajorStrides(shape) };
}

function fromParts(
  name: string,
  parts: readonly StoredTensor[],
  shape: readonly number[],
  folder: string,
): StoredTensor {
  const [first] = parts;
  if (first === undefined) throw wrong(folder, "no model states are there");
  const count = Math.ceil((elementCount(shape) ?? Number.NaN) / parts.length);
  const itemBytes = DTYPES[first.dtype].bits / 8;
  for (const part of parts)
    if (part.dtype !== first.dtype || !isFlat(part, count)) throw unfit(part, shape, folder);
  const places = parts.map(({ source, byteOffset }) => ({ source, begin: byteOffset }));
  return {
    ...first,
    shape,
    strides: rowMajorStrides(shape),
    source: partedSource(places, count * itemBytes, shape, itemBytes, folder),
    byteOffset: 0,
    storage: `${folder}:${name}`,
  };
}

/** Whether a tensor is a vector of so many elements or more, one after another. */
function isFlat({ shape, strides, byteOrder }: StoredTensor, count: number): boolean {
  const [length = 0, ...more] = shape;
  return (
    more.length === 0 && length >= count && isRowMajor(shape, strides) && byteOrder === "little"
  );
}

function unfit(
  { name, dtype, shape }: StoredTensor,
  wanted: readonly number[],
  folder: string,
): Error {
  return wrong(
    folder,
    `${name}, which is not trained, is ${renderShape(wanted)}; a rank holds ${dtype} ${renderShape(shape)} of it`,
  );
}
