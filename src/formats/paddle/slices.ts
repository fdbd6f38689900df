import { WbError } from "../../errors/wb-error.ts";
import { bytesPerElement } from "../../tensor/dtype.ts";
import { byteCount, isRowMajor, renderShape, rowMajorStrides } from "../../tensor/shape.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import type { PickleValue } from "../pickle/value.ts";
import { concatSource, sliceSource } from "../../sources/file.ts";
import { isMapping, mappingEntries } from "../pytorch/state-dict.ts";

/**
 * {name: {"OriginShape": tuple, "slices": [part names]}}: protocols 2 and 3 cannot hold an array of 2^30 bytes and more, so
 * paddle.save flattens it and cuts it up (paddle v3.3, python/paddle/framework/io_utils.py, `_unpack_saved_dict`).
 */
export const SLICES_KEY = "UnpackBigParamInfor@@";

/** Dimensions of an array; numpy 2 allows 64. */
const MAX_DIMENSIONS = 64;

interface Sliced {
  readonly name: string;
  readonly shape: readonly number[];
  readonly parts: readonly string[];
}

/** Puts sliced parameters together again, in the place of their first slice. @throws WbError WB3404. */
export function joinSlices(
  tensors: readonly StoredTensor[],
  table: PickleValue,
  label: string,
): readonly StoredTensor[] {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const joined = new Map<string, StoredTensor>();
  const used = new Set<string>();
  for (const sliced of parseTable(table, label)) {
    const parts = sliced.parts.map((name) => {
      const part = byName.get(name);
      if (part === undefined || used.has(name))
        throw wrong(label, sliced.name, `slice ${name} is missing or used twice`);
      used.add(name);
      return part;
    });
    if (byName.has(sliced.name)) throw wrong(label, sliced.name, "it is there whole and in slices");
    joined.set(sliced.parts[0] ?? "", join(sliced, parts, label));
  }
  return tensors.flatMap((tensor) => {
    const whole = joined.get(tensor.name);
    if (whole !== undefined) return [whole];
    return used.has(tensor.name) ? [] : [tensor];
  });
}

function join(sliced: Sliced, parts: readonly StoredTensor[], label: string): StoredTensor {
  const [first] = parts;
  if (first === undefined) throw wrong(label, sliced.name, "it has no slices");
  const isUniform = parts.every(
    ({ dtype, byteOrder, shape, strides }) =>
      dtype === first.dtype && byteOrder === first.byteOrder && isRowMajor(shape, strides),
  );
  if (!isUniform) throw wrong(label, sliced.name, "its slices differ in dtype or order");
  const itemBytes = bytesPerElement(first.dtype) ?? 1;
  const source = concatSource(
    parts.map((part) =>
      sliceSource(
        part.source,
        part.byteOffset,
        part.shape.reduce((count, size) => count * size, itemBytes),
      ),
    ),
    label,
  );
  const expected = byteCount(sliced.shape, first.dtype);
  if (source.byteLength !== expected) {
    throw wrong(
      label,
      sliced.name,
      `${renderShape(sliced.shape)} needs ${String(expected)} bytes, its slices have ${source.byteLength}`,
    );
  }
  return {
    name: sliced.name,
    dtype: first.dtype,
    shape: sliced.shape,
    strides: rowMajorStrides(sliced.shape),
    source,
    byteOffset: 0,
    byteOrder: first.byteOrder,
    storage: first.storage,
  };
}

function parseTable(table: PickleValue, label: string): readonly Sliced[] {
  if (!isMapping(table)) throw wrong(label, SLICES_KEY, "it is no dict");
  return mappingEntries(table, label).map(([key, value]) => {
    const name = typeof key === "string" ? key : "";
    const fields = new Map(
      isMapping(value) ? mappingEntries(value, label).map(([field, item]) => [field, item]) : [],
    );
    const shape = list(fields.get("OriginShape"));
    const parts = list(fields.get("slices"));
    const isValid =
      shape?.every(
        (size) => typeof size === "number" && Number.isSafeInteger(size) && size >= 0,
      ) === true &&
      parts?.every((part) => typeof part === "string") === true &&
      shape.length <= MAX_DIMENSIONS;
    if (!isValid || shape === undefined || parts === undefined)
      throw wrong(label, name, "its entry is malformed");
    return { name, shape: shape.map(Number), parts: parts.map(String) };
  });
}

function list(value: PickleValue | undefined): readonly PickleValue[] | undefined {
  return typeof value === "object" && (value?.kind === "tuple" || value?.kind === "list")
    ? value.items
    : undefined;
}

function wrong(label: string, name: string, problem: string): WbError {
  return new WbError("WB3404", `${label}: sliced parameter ${name}: ${problem}`, {
    details: { path: label },
  });
}
