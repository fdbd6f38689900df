import { WbError } from "../../errors/wb-error.ts";
import { dtypesBy, type Dtype } from "../../tensor/dtype.ts";
import { describeValue } from "../pickle/stack.ts";
import type { PickleGlobal, PicklePersistent, PickleValue } from "../pickle/value.ts";

export const DTYPE_OF_STORAGE = dtypesBy("storage");

/** Storages of codes, each as whole numbers of its width: torch v2.6.0, torch/storage.py. */
export const DTYPE_OF_CODES: ReadonlyMap<string, Dtype> = new Map([
  ["QUInt8Storage", "U8"],
  ["QInt8Storage", "I8"],
  ["QInt32Storage", "I32"],
]);

/** Every storage whose size is known, whatever its elements mean. */
export const DTYPE_OF_ANY_STORAGE: ReadonlyMap<string, Dtype> = new Map([
  ...DTYPE_OF_STORAGE,
  ...DTYPE_OF_CODES,
]);

/** torch dtypes as `_rebuild_tensor_v3` names them. */
const DTYPE_OF_NAME = dtypesBy("torch");

/** A storage as a persistent id describes it: which record it is, and what it holds. */
export interface StorageRef {
  /** Name of the record in a zip; the storage's address in older files. */
  readonly key: string;
  /** Undefined for an UntypedStorage, whose `length` counts bytes. */
  readonly dtype: Dtype | undefined;
  readonly length: number;
  /** Files of torch before 0.4: this storage is a part of the one that `key` names. */
  readonly view:
    { readonly key: string; readonly offset: number; readonly length: number } | undefined;
}

/**
 * Parses ("storage", type, key, location, numel[, view]) of a persistent id.
 * @param dtypes What the names of storages stand for; those of plain tensors unless given.
 * @throws WbError WB3302 when it is anything else, WB4303 for a storage type without a counterpart.
 */
export function parseStorageRef(
  value: PickleValue | undefined,
  where: string,
  dtypes: ReadonlyMap<string, Dtype> = DTYPE_OF_STORAGE,
): StorageRef {
  if (typeof value !== "object" || value?.kind !== "persistent") {
    throw malformed(where, `expected a storage, found ${describeValue(value)}`);
  }
  const [tag, type, key, location, length, view] = tupleItems(value);
  if (tag === "module") {
    throw new WbError(
      "WB4302",
      `${where}: the file holds a module's source code, not only weights`,
      { details: { where } },
    );
  }
  if (
    tag !== "storage" ||
    typeof key !== "string" ||
    typeof location !== "string" ||
    !isCount(length)
  ) {
    throw malformed(where, "its storage is not described as torch.save does");
  }
  return { key, dtype: storageDtype(type, where, dtypes), length, view: parseView(view, where) };
}

function tupleItems(value: PicklePersistent): readonly PickleValue[] {
  const { id } = value;
  return typeof id === "object" && id?.kind === "tuple" ? id.items : [];
}

function storageDtype(
  type: PickleValue | undefined,
  where: string,
  dtypes: ReadonlyMap<string, Dtype>,
): Dtype | undefined {
  if (typeof type !== "object" || type?.kind !== "global") {
    throw malformed(where, `expected a storage type, found ${describeValue(type)}`);
  }
  if (type.name === "UntypedStorage" || type.name === "_UntypedStorage") return undefined;
  const dtype = dtypes.get(type.name);
  if (dtype !== undefined) return dtype;
  throw new WbError(
    "WB4303",
    `${where}: storage type ${type.module}.${type.name} has no counterpart`,
    { details: { where } },
  );
}

function parseView(view: PickleValue | undefined, where: string): StorageRef["view"] {
  if (view === undefined || view === null) return undefined;
  const items = typeof view === "object" && view.kind === "tuple" ? view.items : [];
  const [key, offset, length] = items;
  if (typeof key !== "string" || !isCount(offset) || !isCount(length)) {
    throw malformed(where, "the view metadata of its storage is not what torch wrote");
  }
  return { key, offset, length };
}

/** The dtype of a `torch.<name>` global. @throws WbError WB4303. */
export function dtypeOfTorchName(global: PickleGlobal, where: string): Dtype {
  const dtype = global.module === "torch" ? DTYPE_OF_NAME.get(global.name) : undefined;
  if (dtype !== undefined) return dtype;
  throw new WbError(
    "WB4303",
    `${where}: dtype ${global.module}.${global.name} has no counterpart`,
    { details: { where } },
  );
}

/** True for a whole number that can be a size. */
export function isCount(value: PickleValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

export function malformed(where: string, problem: string): WbError {
  return new WbError("WB3302", `${where}: ${problem}`, { details: { where } });
}
