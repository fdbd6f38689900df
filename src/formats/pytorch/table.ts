import { WbError } from "../../errors/wb-error.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { byteCount, renderShape } from "../../tensor/shape.ts";
import type { Checkpoint, StoredTensor } from "../../tensor/table.ts";
import { describeValue } from "../pickle/stack.ts";
import type { PickleValue } from "../pickle/value.ts";
import type { StorageRef } from "./storage.ts";
import {
  isTorchTensor,
  parseTorchTensor,
  reachedElements,
  torchItemBytes,
  type TorchTensor,
} from "./tensor.ts";
import { flattenStateDict } from "./state-dict.ts";

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

export type PytorchTable = Pick<Checkpoint, "tensors" | "skipped">;

/**
 * The tensors of an unpickled file, each checked to lie inside its storage.
 * @param resolve Puts the tensor itself where the pickle has only its key.
 */
export function tableOf(
  root: PickleValue,
  label: string,
  byteOrder: "little" | "big",
  lookup: StorageLookup,
  resolve: (value: PickleValue) => PickleValue = (value) => value,
): PytorchTable {
  const tensors: StoredTensor[] = [];
  const skipped: { name: string; why: string }[] = [];
  for (const { name, value: leaf } of flattenStateDict(root, label, isTorchTensor)) {
    const value = resolve(leaf);
    refuseModule(name, value, label);
    if (!isTorchTensor(value)) {
      skipped.push({ name, why: `not a tensor: ${describeValue(value)}` });
      continue;
    }
    const where = `${label}: tensor ${name}`;
    const tensor = parseTorchTensor(value, where);
    tensors.push(
      storedTensor(name, tensor, lookup(tensor.storage, tensor, where), byteOrder, where),
    );
  }
  if (tensors.length === 0) throw new WbError("WB3306", `${label}: no tensors in it`);
  return { tensors, skipped };
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

/** A whole module is pickled as an object of its class; the allow-list stops most of them before. */
function refuseModule(name: string, value: PickleValue, label: string): void {
  if (typeof value !== "object" || value?.kind !== "reduce" || value.state === undefined) return;
  if (!value.callable.module.startsWith("torch.nn.modules")) return;
  throw new WbError("WB4302", `${label}: ${name === "" ? "the file" : name} is a pickled module`);
}
