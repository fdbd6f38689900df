import { WbError } from "../../errors/wb-error.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { dtypeRow } from "../../tensor/dtype.ts";
import { elementCount, isRowMajor, renderShape, rowMajorStrides } from "../../tensor/shape.ts";
import { leftOutBy, parseNameRules, ruled, type NameOptions } from "../names/name-rules.ts";
import { leftOut } from "../../tensor/left-out.ts";
import { shownName } from "../../tensor/shown-name.ts";
import type { Checkpoint, StoredTensor } from "../../tensor/table.ts";
import { describeValue } from "../pickle/stack.ts";
import type { PickleOptions } from "../pickle/options.ts";
import type { PicklePersistent, PickleReduce, PickleValue } from "../pickle/value.ts";
import { isNdarray, parseNdarray } from "../numpy/ndarray.ts";
import { sliceSource } from "../../sources/file.ts";
import { refuseZeroPart } from "./zero-part.ts";
import { resolvedSource } from "./lazy-bits.ts";
import { denseTensor, type Place } from "./dense.ts";
import { refuseHuge } from "./expanded.ts";
import { isAffine } from "./quantizer.ts";
import { parseStorageRef, type StorageRef } from "./storage.ts";
import {
  isTorchTensor,
  parseTorchTensor,
  reachedElements,
  torchItemBytes,
  unwrappedCall,
  type TorchTensor,
} from "./tensor.ts";
import { chooseState, flattenChosen, isCounter } from "./choose-state.ts";
import { openObjects } from "./opened-objects.ts";

/** Finds the bytes of a storage; throws WB3304 when they are not there. */
export type StorageLookup = (
  storage: StorageRef,
  tensor: TorchTensor,
  where: string,
) => StorageBytes;

export interface StorageBytes {
  readonly source: ByteSource;
  /** Byte of `source` where the storage begins. */
  readonly begin: number;
  readonly byteLength: number;
  /** Equal for equal storages. */
  readonly identity: string;
}

export type PytorchTable = Pick<Checkpoint, "tensors" | "skipped" | "notes">;

/** How a file of torch.save is read. */
export interface PytorchOptions extends Partial<PickleOptions> {
  readonly select?: string | undefined;
  readonly dense?: TableOptions["dense"];
  readonly names?: TableOptions["names"];
}

/** How a table is read from an unpickled file. */
export interface TableOptions {
  /** A path of keys to the state that is taken; "." takes the file as it is. */
  readonly select?: string | undefined;
  /** Puts the tensor itself where the pickle has only its key. */
  readonly resolve?: (value: PickleValue) => PickleValue;
  /** Leaves tensors that are more than plain elements (sparse, quantised) out by name, as `--data-only` does, instead of refusing them. */
  readonly opaque?: boolean;
  /** Takes sparse and quantised tensors as the values that they stand for: all of them, or the quantised alone. */
  readonly dense?: "all" | "quantised" | undefined;
  /** Tensors that these leave out need not be of a kind that is read. */
  readonly names?: NameOptions | undefined;
}

/**
 * The tensors of an unpickled file, each checked to be inside its storage.
 */
export function tableOf(
  root: PickleValue,
  label: string,
  byteOrder: "little" | "big",
  lookup: StorageLookup,
  options: TableOptions = {},
): PytorchTable {
  const resolve = options.resolve ?? ((value) => value);
  const isTensor = (value: PickleValue): boolean => isWeight(resolve(value));
  const rules = parseNameRules(options.names ?? {});
  const opened = options.opaque === true ? openObjects(root, isTensor) : root;
  const chosen = chooseState(opened, label, isTensor, options.select);
  const tensors: StoredTensor[] = [];
  const skipped: { name: string; why: string }[] = [...chosen.leftOut];
  const place = (tensor: TorchTensor, where: string, name = where): StoredTensor =>
    storedTensor(name, tensor, lookup(tensor.storage, tensor, where), byteOrder, where);
  const unread: { name: string; error: WbError }[] = [];
  for (const { name, value: leaf } of flattenChosen(chosen, label, isTensor)) {
    const value = resolve(leaf);
    const where = `${label}: tensor ${shownName(name)}`;
    if (isArray(value)) {
      const array = numpyTensor(name, value, where);
      if (typeof array === "string") skipped.push({ name, why: array });
      else tensors.push(array);
      continue;
    }
    const made = plainForm(name, value, where, place, options.dense);
    const tensor = made ?? torchTensor(value, where);
    if (tensor === undefined) {
      skipped.push({ name, why: `not a tensor: ${describeValue(value)}` });
      continue;
    }
    if ("code" in tensor) {
      const rule = ruled(name, rules, new Set());
      if (typeof rule === "string") unread.push({ name, error: tensor });
      else skipped.push({ name, why: leftOutBy(rule.option) });
      continue;
    }
    if (options.select === undefined && isCounter(name, tensor.shape)) {
      skipped.push({ name, why: `a counter of the training, ${renderShape(tensor.shape)}` });
      continue;
    }
    tensors.push("name" in tensor ? tensor : place(tensor, where, name));
  }
  if (options.opaque !== true) refuseUnread(unread);
  for (const { name, error } of unread) skipped.push({ name, why: error.message });
  const notes = [
    ...chosen.notes,
    ...formNotes(tensors, label),
    ...(unread.length === 0
      ? []
      : [leftOut(`${label}: ${unread.map(({ name }) => name).join(", ")}`)]),
  ];
  refuseZeroPart(root, tensors, label);
  if (tensors.length === 0)
    throw new WbError("WB3306", `${label}: no tensors in it`, { details: { path: label } });
  return { tensors, skipped, notes };
}

/**
 * One tensor of an unpickled file.
 * @throws WbError WB3302 where the value is none, and those of a tensor outside of its storage.
 */
export function tensorOf(
  name: string,
  value: PickleValue,
  label: string,
  { byteOrder, lookup }: { byteOrder: "little" | "big"; lookup: StorageLookup },
): StoredTensor {
  const where = `${label}: tensor ${shownName(name)}`;
  const tensor = parseTorchTensor(value, where);
  return storedTensor(name, tensor, lookup(tensor.storage, tensor, where), byteOrder, where);
}

/** A sparse or quantised tensor as the values that it stands for, where those are wanted; or why torch has none. */
function plainForm(
  name: string,
  value: PickleValue,
  where: string,
  place: Place,
  dense: TableOptions["dense"],
): StoredTensor | WbError | undefined {
  if (dense === undefined || !isTorchTensor(value)) return undefined;
  try {
    const call = unwrappedCall(value, where);
    if (dense === "quantised" && !isAffine(call)) return undefined;
    return denseTensor(name, call, place, where);
  } catch (error) {
    if (error instanceof WbError && UNREADABLE.has(error.code)) return error;
    throw error;
  }
}

/** Errors of a tensor that is well-formed, and of a kind that is not read. */
const UNREADABLE: ReadonlySet<string> = new Set(["WB4301", "WB4303"]);

/** What was made of tensors that are stored in another form. */
function formNotes(tensors: readonly StoredTensor[], label: string): readonly string[] {
  const kinds = { sparse: "made dense", quantised: "dequantised" } as const;
  return (["sparse", "quantised"] as const).flatMap((kind) => {
    const count = tensors.filter(({ form }) => form?.kind === kind).length;
    return count === 0 ? [] : [`${label}: ${kinds[kind]}, as torch does: ${count} of its tensors`];
  });
}

function isWeight(value: PickleValue): boolean {
  return isTorchTensor(value) || isArray(value) || isStorage(value);
}

/** Single numbers of numpy's are counters and losses. */
function isArray(value: PickleValue): value is PickleReduce {
  return isNdarray(value) && value.callable.name !== "scalar";
}

/** A persistent id that is a storage's, and not that of a module's class. */
function isStorage(value: PickleValue): value is PicklePersistent {
  if (typeof value !== "object" || value?.kind !== "persistent") return false;
  const { id } = value;
  return typeof id === "object" && id?.kind === "tuple" && id.items[0] === "storage";
}

/** @throws WbError WB4301 that names all tensors that are more than plain elements. */
function refuseUnread(unread: readonly { readonly name: string; readonly error: WbError }[]): void {
  const [first, ...others] = unread;
  if (first === undefined) return;
  if (others.length === 0) throw first.error;
  const names = others.slice(0, MAX_LISTED).map(({ name }) => shownName(name));
  const more = others.length > MAX_LISTED ? ` and ${others.length - MAX_LISTED} more` : "";
  throw new WbError(
    "WB4301",
    `${first.error.message}; not plain either: ${names.join(", ")}${more}`,
    {
      details: { where: first.name },
    },
  );
}

/** Names that a message lists; the rest are counted. */
const MAX_LISTED = 10;

/**
 * A tensor, or a storage that stands for itself, which is a vector; undefined for what is neither, and the error of a tensor that is more
 * than plain elements.
 */
function torchTensor(value: PickleValue, where: string): TorchTensor | WbError | undefined {
  if (isTorchTensor(value)) {
    try {
      return parseTorchTensor(value, where);
    } catch (error) {
      if (error instanceof WbError && error.code === "WB4301") return error;
      throw error;
    }
  }
  if (!isStorage(value)) return undefined;
  const storage = parseStorageRef(value, where);
  const length = storage.view?.length ?? storage.length;
  return { storage, dtype: storage.dtype ?? "U8", offset: 0, shape: [length], strides: [1] };
}

/** An array of numpy's among tensors, or why it is no weight. */
function numpyTensor(name: string, call: PickleReduce, where: string): StoredTensor | string {
  try {
    return { ...parseNdarray(call, where), name, storage: `numpy:${call.offset}` };
  } catch (error) {
    if (error instanceof WbError && error.code === "WB4401")
      return "an array that is not of numbers";
    throw error;
  }
}

function storedTensor(
  name: string,
  tensor: TorchTensor,
  bytes: StorageBytes,
  byteOrder: "little" | "big",
  where: string,
): StoredTensor {
  const itemBytes = torchItemBytes(tensor.dtype, where);
  const elements = elementCount(tensor.shape);
  const expanded = elements === undefined ? Number.NaN : elements * itemBytes;
  if (!Number.isSafeInteger(expanded)) {
    throw new WbError(
      "WB3303",
      `${where} (${tensor.dtype} ${renderShape(tensor.shape)}) has more than 2^53 bytes`,
      { details: { tensor: name, where } },
    );
  }
  const reached = reachedElements(tensor);
  if (reached === undefined || reached * itemBytes > bytes.byteLength) {
    throw new WbError(
      "WB3303",
      `${where} (${tensor.dtype} ${renderShape(tensor.shape)}, strides ${renderShape(tensor.strides)}, offset ${tensor.offset}) needs ${reached === undefined ? "more than 2^53" : reached * itemBytes} bytes but its storage holds ${bytes.byteLength}`,
      { details: { tensor: name, where, storedBytes: bytes.byteLength } },
    );
  }
  refuseHuge(expanded, bytes.byteLength, `${where} (${tensor.dtype} ${renderShape(tensor.shape)})`);
  const offset = reached === 0 ? 0 : tensor.offset * itemBytes;
  const facts = { name, dtype: tensor.dtype, byteOrder };
  if (tensor.lazy !== undefined) {
    const { conj, neg } = tensor.lazy;
    const storage = sliceSource(bytes.source, bytes.begin, bytes.byteLength);
    return {
      ...facts,
      ...unpacked(tensor, where),
      source: resolvedSource(storage, tensor.dtype, byteOrder, tensor.lazy),
      byteOffset: offset,
      storage: `${bytes.identity}${conj ? ":conj" : ""}${neg ? ":neg" : ""}`,
    };
  }
  return {
    ...facts,
    ...unpacked(tensor, where),
    source: bytes.source,
    byteOffset: bytes.begin + offset,
    storage: bytes.identity,
  };
}

/** Shape and strides in elements of the dtype, where torch counts several as one. */
function unpacked(
  { dtype, shape, strides }: TorchTensor,
  where: string,
): Pick<StoredTensor, "shape" | "strides"> {
  const { torchPacked } = dtypeRow(dtype);
  if (torchPacked === undefined) return { shape, strides };
  const last = shape.at(-1);
  if (last === undefined || !isRowMajor(shape, strides)) {
    throw new WbError(
      "WB4301",
      `${where} (${dtype} ${renderShape(shape)}, strides ${renderShape(strides)}): elements of 4 bits are only read one after another, along an axis`,
      { details: { where } },
    );
  }
  const whole = [...shape.slice(0, -1), last * torchPacked];
  return { shape: whole, strides: rowMajorStrides(whole) };
}
