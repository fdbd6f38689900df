import { WbError } from "../../errors/wb-error.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { byteCount, renderShape } from "../../tensor/shape.ts";
import type { Checkpoint, StoredTensor } from "../../tensor/table.ts";
import { describeValue } from "../pickle/stack.ts";
import type { PickleOptions } from "../pickle/options.ts";
import type { PickleValue } from "../pickle/value.ts";
import type { StorageRef } from "./storage.ts";
import {
  isTorchTensor,
  parseTorchTensor,
  reachedElements,
  torchItemBytes,
  type TorchTensor,
} from "./tensor.ts";
import { chooseState, flattenChosen, isCounter } from "./choose-state.ts";

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

/**
 * Bytes up to which a tensor may repeat its storage through strides of 0; masks and caches are expanded so, to a few
 * gigabytes. A few bytes that stand for a terabyte would be read and written for hours.
 */
const MAX_EXPANDED_BYTES = 64 * 2 ** 30;

export type PytorchTable = Pick<Checkpoint, "tensors" | "skipped" | "notes">;

/** How a file of torch.save is read. */
export interface PytorchOptions extends Partial<PickleOptions> {
  readonly select?: string | undefined;
}

/** How a table is read from an unpickled file. */
export interface TableOptions {
  /** A path of keys to the state that is taken; "." takes the file as it is. */
  readonly select?: string | undefined;
  /** Puts the tensor itself where the pickle has only its key. */
  readonly resolve?: (value: PickleValue) => PickleValue;
}

/**
 * The tensors of an unpickled file, each checked to lie inside its storage.
 */
export function tableOf(
  root: PickleValue,
  label: string,
  byteOrder: "little" | "big",
  lookup: StorageLookup,
  options: TableOptions = {},
): PytorchTable {
  const resolve = options.resolve ?? ((value) => value);
  const isTensor = (value: PickleValue): boolean => isTorchTensor(resolve(value));
  const chosen = chooseState(root, label, isTensor, options.select);
  const tensors: StoredTensor[] = [];
  const skipped: { name: string; why: string }[] = [...chosen.leftOut];
  for (const { name, value: leaf } of flattenChosen(chosen, label, isTensor)) {
    const value = resolve(leaf);
    if (!isTorchTensor(value)) {
      skipped.push({ name, why: `not a tensor: ${describeValue(value)}` });
      continue;
    }
    const where = `${label}: tensor ${name}`;
    const tensor = parseTorchTensor(value, where);
    if (options.select === undefined && isCounter(name, tensor.shape)) {
      skipped.push({ name, why: `a counter of the training, ${renderShape(tensor.shape)}` });
      continue;
    }
    tensors.push(
      storedTensor(name, tensor, lookup(tensor.storage, tensor, where), byteOrder, where),
    );
  }
  if (tensors.length === 0) throw new WbError("WB3306", `${label}: no tensors in it`);
  return { tensors, skipped, notes: chosen.notes };
}

function storedTensor(
  name: string,
  tensor: TorchTensor,
  bytes: StorageBytes,
  byteOrder: "little" | "big",
  where: string,
): StoredTensor {
  const itemBytes = torchItemBytes(tensor.dtype, where);
  const expanded = byteCount(tensor.shape, tensor.dtype);
  if (expanded === undefined) {
    throw new WbError(
      "WB3303",
      `${where} (${tensor.dtype} ${renderShape(tensor.shape)}) has more than 2^53 bytes`,
    );
  }
  const reached = reachedElements(tensor);
  if (reached === undefined || reached * itemBytes > bytes.byteLength) {
    throw new WbError(
      "WB3303",
      `${where} (${tensor.dtype} ${renderShape(tensor.shape)}, strides ${renderShape(tensor.strides)}, offset ${tensor.offset}) needs ${reached === undefined ? "more than 2^53" : reached * itemBytes} bytes but its storage holds ${bytes.byteLength}`,
      { details: { storedBytes: bytes.byteLength } },
    );
  }
  if (expanded > Math.max(bytes.byteLength, MAX_EXPANDED_BYTES)) {
    throw new WbError(
      "WB5204",
      `${where} (${tensor.dtype} ${renderShape(tensor.shape)}) repeats a storage of ${bytes.byteLength} bytes up to ${expanded}`,
    );
  }
  return {
    name,
    dtype: tensor.dtype,
    shape: tensor.shape,
    strides: tensor.strides,
    source: bytes.source,
    byteOffset: bytes.begin + (reached === 0 ? 0 : tensor.offset * itemBytes),
    byteOrder,
    storage: bytes.identity,
  };
}
