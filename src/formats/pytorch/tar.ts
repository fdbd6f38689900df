import { WbError } from "../../errors/wb-error.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { bytesPerElement, type Dtype } from "../../tensor/dtype.ts";
import { isAllowedGlobal } from "../pickle/allow.ts";
import { describeValue } from "../pickle/stack.ts";
import type { PickleReduce, PickleValue } from "../pickle/value.ts";
import type { PickleOptions } from "../pickle/options.ts";
import { readPickle } from "../pickle/read.ts";
import { DTYPE_OF_STORAGE, isCount } from "./storage.ts";
import {
  tableOf,
  type PytorchOptions,
  type PytorchTable,
  type StorageBytes,
  type StorageLookup,
} from "./table.ts";
import { readTar } from "../archive/tar.ts";

interface TarStorage extends StorageBytes {
  readonly dtype: Dtype;
}

/** Tensors or storages of one file. */
const MAX_ITEMS = 1_000_000;
const MAX_DIMENSIONS = 64;

/**
 * Reads the tar files of torch before 0.1.10: torch/serialization.py of v2.6.0, `legacy_load`. The entry `storages` holds
 * elements, `tensors` shapes and strides, and `pickle` names tensors by their keys.
 */
export async function readPytorchTar(
  source: ByteSource,
  options: PytorchOptions = {},
): Promise<PytorchTable> {
  const entries = await readTar(source);
  const part = (name: string): ByteSource => {
    const entry = entries.get(name);
    if (entry === undefined)
      throw new WbError("WB3301", `${source.label}: the tar holds no entry "${name}"`, {
        details: { path: source.label },
      });
    return entry;
  };
  const all: PickleOptions = { allow: isAllowedGlobal, ...options };
  const storages = await readStorages(part("storages"), all);
  const tensors = await readTensors(part("tensors"), storages, all);
  const root = (await readPickle(part("pickle"), 0, all)).value;
  const { label } = source;
  const lookup: StorageLookup = (storage, _tensor, where) => {
    const found = storages.get(storage.key);
    if (found === undefined)
      throw new WbError("WB3304", `${where}: its storage ${storage.key} is not in the file`, {
        details: { where },
      });
    return found;
  };
  const resolve = (value: PickleValue): PickleValue => resolveKey(value, tensors, label);
  return tableOf(root, label, "little", lookup, { ...options, resolve });
}

async function readStorages(
  source: ByteSource,
  options: PickleOptions,
): Promise<ReadonlyMap<string, TarStorage>> {
  const storages = new Map<string, TarStorage>();
  const header = await readPickle(source, 0, options);
  let position = header.end;
  for (let index = 0; index < count(header.value, "storages", source.label); index++) {
    const described = await readPickle(source, position, options);
    const [key, , type] = items(described.value);
    const dtype =
      typeof type === "object" && type?.kind === "global"
        ? DTYPE_OF_STORAGE.get(type.name)
        : undefined;
    if (!isCount(key) || dtype === undefined) {
      throw new WbError(
        "WB3302",
        `${source.label}: storage ${index} is described by ${describeValue(described.value)}`,
      );
    }
    const length = new DataView((await source.read(described.end, 8)).buffer).getBigInt64(0, true);
    const begin = described.end + 8;
    const itemBytes = bytesPerElement(dtype) ?? 1;
    if (length < 0n || length * BigInt(itemBytes) > BigInt(source.byteLength - begin)) {
      throw new WbError(
        "WB3304",
        `${source.label}: storage ${key} has ${length} elements, more than the file holds`,
        { details: { where: source.label } },
      );
    }
    const byteLength = Number(length) * itemBytes;
    storages.set(String(key), {
      source,
      begin,
      byteLength,
      dtype,
      identity: `${source.label}:${key}`,
    });
    position = begin + byteLength;
  }
  for (const view of items((await readPickle(source, position, options)).value))
    addView(view, storages, source.label);
  return storages;
}

/** (key, key of the storage it is a part of, offset, length). */
function addView(view: PickleValue, storages: Map<string, TarStorage>, label: string): void {
  const [key, rootKey, offset, length] = items(view);
  const root = isCount(rootKey) ? storages.get(String(rootKey)) : undefined;
  if (!isCount(key) || root === undefined || !isCount(offset) || !isCount(length)) {
    throw new WbError("WB3302", `${label}: a view of a storage is malformed`);
  }
  const itemBytes = bytesPerElement(root.dtype) ?? 1;
  if ((offset + length) * itemBytes > root.byteLength) {
    throw new WbError(
      "WB3304",
      `${label}: storage ${key} reaches past storage ${describeValue(rootKey)}, of which it is a part`,
      { details: { where: label } },
    );
  }
  storages.set(String(key), {
    ...root,
    begin: root.begin + offset * itemBytes,
    byteLength: length * itemBytes,
  });
}

/** The tensors, each as the rebuild call that newer files would have. */
async function readTensors(
  source: ByteSource,
  storages: ReadonlyMap<string, TarStorage>,
  options: PickleOptions,
): Promise<ReadonlyMap<string, PickleReduce>> {
  const tensors = new Map<string, PickleReduce>();
  const header = await readPickle(source, 0, options);
  let position = header.end;
  for (let index = 0; index < count(header.value, "tensors", source.label); index++) {
    const described = await readPickle(source, position, options);
    const [key, storageKey] = items(described.value);
    const name = isCount(storageKey) ? String(storageKey) : "";
    const storage = storages.get(name);
    if (!isCount(key) || storage === undefined) {
      throw new WbError(
        "WB3302",
        `${source.label}: tensor ${index} names no storage that is there`,
      );
    }
    const fixed = new DataView((await source.read(described.end, 8)).buffer);
    const dimensions = fixed.getInt32(0, true);
    if (dimensions < 0 || dimensions > MAX_DIMENSIONS) {
      throw new WbError("WB3302", `${source.label}: tensor ${key} has ${dimensions} dimensions`);
    }
    const numbers = await source.read(described.end + 8, 16 * dimensions + 8);
    tensors.set(String(key), rebuildCall(numbers, dimensions, name, storage, described.end));
    position = described.end + 8 + numbers.byteLength;
  }
  return tensors;
}

function rebuildCall(
  numbers: Uint8Array,
  dimensions: number,
  storageKey: string,
  storage: TarStorage,
  offset: number,
): PickleReduce {
  const view = new DataView(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  const i64 = (index: number): number => Number(view.getBigInt64(8 * index, true));
  const sizes = Array.from({ length: dimensions }, (_unused, axis) => i64(axis));
  const strides = Array.from({ length: dimensions }, (_unused, axis) => i64(dimensions + axis));
  const typeName = [...DTYPE_OF_STORAGE].find(([, dtype]) => dtype === storage.dtype)?.[0] ?? "";
  const type: PickleValue = { kind: "global", module: "torch", name: typeName, offset };
  const length = storage.byteLength / (bytesPerElement(storage.dtype) ?? 1);
  const id: PickleValue = { kind: "tuple", items: ["storage", type, storageKey, "cpu", length] };
  return {
    kind: "reduce",
    callable: { kind: "global", module: "torch._utils", name: "_rebuild_tensor", offset },
    args: {
      kind: "tuple",
      items: [
        { kind: "persistent", id, offset },
        i64(2 * dimensions),
        { kind: "tuple", items: sizes },
        { kind: "tuple", items: strides },
      ],
    },
    offset,
    items: [],
    entries: [],
  };
}

/** The tensor that a leaf of the pickle names by its key (a persistent id); other leaves as they are. */
function resolveKey(
  value: PickleValue,
  tensors: ReadonlyMap<string, PickleReduce>,
  label: string,
): PickleValue {
  if (typeof value !== "object" || value?.kind !== "persistent") return value;
  const id = typeof value.id === "number" || typeof value.id === "string" ? String(value.id) : "";
  const tensor = tensors.get(id);
  if (tensor !== undefined) return tensor;
  throw new WbError(
    "WB3302",
    `${label}: the pickle names tensor ${JSON.stringify(id)}, which is not in the file`,
  );
}

function count(value: PickleValue, what: string, label: string): number {
  if (isCount(value) && value <= MAX_ITEMS) return value;
  throw new WbError("WB3301", `${label}: the number of ${what} is ${describeValue(value)}`, {
    details: { path: label },
  });
}

function items(value: PickleValue): readonly PickleValue[] {
  return typeof value === "object" && (value?.kind === "tuple" || value?.kind === "list")
    ? value.items
    : [];
}
