import { WbError } from "../../errors/wb-error.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { bytesPerElement, type Dtype } from "../../tensor/dtype.ts";
import { isAllowedGlobal } from "../pickle/allow.ts";
import type { PickleValue } from "../pickle/value.ts";
import type { PickleOptions } from "../pickle/options.ts";
import { readPickle, type PickleDocument } from "../pickle/read.ts";
import { persistentsIn } from "./storage-keys.ts";
import { DTYPE_OF_ANY_STORAGE, parseStorageRef, type StorageRef } from "./storage.ts";
import { tableOf, type PytorchOptions, type PytorchTable, type StorageBytes } from "./table.ts";

/** What the first pickle of a legacy file says: torch/serialization.py of v2.6.0, MAGIC_NUMBER. */
const MAGIC_NUMBER = 0x1950a86a20f9469cfc6cn;

/** The file begins so: PROTO 2, LONG1 of ten bytes, the magic number, STOP. */
export const LEGACY_MAGIC = Uint8Array.from([
  0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e,
]);

/** Bytes of PROTO with its protocol; the magic number of `torch.save(…, pickle_protocol=4)` is behind a FRAME of nine. */
const PROTO_BYTES = 2;
const FRAME_BYTES = 9;
const FRAME_OPCODE = 0x95;

/** Whether a file begins with the pickle of torch.save's magic number, in whatever protocol. */
export function isLegacyHead(head: Uint8Array): boolean {
  if (head[0] !== LEGACY_MAGIC[0]) return false;
  const begin = PROTO_BYTES + (head[PROTO_BYTES] === FRAME_OPCODE ? FRAME_BYTES : 0);
  const number = LEGACY_MAGIC.subarray(PROTO_BYTES);
  return number.every((byte, index) => head[begin + index] === byte);
}

const PROTOCOL_VERSION = 1001;

/** Storages of one file; 10^5 tensors are beyond any checkpoint we know. */
const MAX_STORAGES = 1_000_000;

/**
 * Reads a file of torch.save before 1.6 (or `_use_new_zipfile_serialization=False`): five pickles, then for each storage
 * key its number of elements and its bytes.
 * @throws WbError WB3301, WB3304 beside those of the pickle machine and of tensors.
 */
export async function readPytorchLegacy(
  source: ByteSource,
  options: PytorchOptions = {},
): Promise<PytorchTable> {
  const { system, root, keys } = await readLegacyPickles(source, options);
  const byteOrder = byteOrderOf(system.value);
  const refs = storageRefs(root.value, source.label);
  const storages = await locateStorages(source, keys.value, keys.end, refs, byteOrder);
  return tableOf(
    root.value,
    source.label,
    byteOrder,
    (storage, _tensor, where) => findStorage(storage, storages, where),
    options,
  );
}

/** Byte behind the last storage of such a file. @throws WbError as `readPytorchLegacy`. */
export async function legacyEnd(
  source: ByteSource,
  options: Partial<PickleOptions> = {},
): Promise<number> {
  const { system, root, keys } = await readLegacyPickles(source, options);
  const refs = storageRefs(root.value, source.label);
  const byteOrder = byteOrderOf(system.value);
  const storages = await locateStorages(source, keys.value, keys.end, refs, byteOrder);
  return [...storages.values()].reduce(
    (end, { begin, byteLength }) => Math.max(end, begin + byteLength),
    keys.end,
  );
}

/** The five pickles of a legacy file, less the first two, which are constants. */
export async function readLegacyPickles(
  source: ByteSource,
  options: Partial<PickleOptions> = {},
): Promise<Readonly<Record<"system" | "root" | "keys", PickleDocument>>> {
  const read = (begin: number): Promise<PickleDocument> =>
    readPickle(source, begin, { allow: isAllowedGlobal, ...options });
  const magic = await read(0);
  const protocol = await read(magic.end);
  if (magic.value !== MAGIC_NUMBER || protocol.value !== PROTOCOL_VERSION) {
    throw new WbError(
      "WB3301",
      `${source.label}: expected torch.save's magic number and protocol version 1001`,
      { details: { path: source.label } },
    );
  }
  const system = await read(protocol.end);
  const root = await read(system.end);
  const keys = await read(root.end);
  return { system, root, keys };
}

function byteOrderOf(system: PickleValue): "little" | "big" {
  const entries = typeof system === "object" && system?.kind === "dict" ? system.entries : [];
  return entries.some(([key, value]) => key === "little_endian" && value === false)
    ? "big"
    : "little";
}

/** Every storage that the object pickle names, by key. */
function storageRefs(root: PickleValue, label: string): ReadonlyMap<string, StorageRef> {
  const refs = new Map<string, StorageRef>();
  for (const value of persistentsIn(root)) {
    if (isModuleId(value.id)) continue;
    const ref = parseStorageRef(
      value,
      `${label}: storage at byte ${value.offset}`,
      DTYPE_OF_ANY_STORAGE,
    );
    const known = refs.get(ref.key);
    if (known !== undefined && (known.dtype !== ref.dtype || known.length !== ref.length)) {
      throw new WbError("WB3304", `${label}: storage ${ref.key} is described in two ways`, {
        details: { where: label },
      });
    }
    refs.set(ref.key, ref);
  }
  return refs;
}

/** ("module", class, file, source): how torch before 1.6 named the class of a module that was saved whole. */
function isModuleId(id: PickleValue): boolean {
  return typeof id === "object" && id?.kind === "tuple" && id.items[0] === "module";
}

/** Walks the raw part: for each key of the list an i64 number of elements, then the elements. */
async function locateStorages(
  source: ByteSource,
  keys: PickleValue,
  begin: number,
  refs: ReadonlyMap<string, StorageRef>,
  byteOrder: "little" | "big",
): Promise<ReadonlyMap<string, StorageBytes>> {
  const { label } = source;
  const items = typeof keys === "object" && keys?.kind === "list" ? keys.items : undefined;
  if (items === undefined || items.length > MAX_STORAGES) {
    throw new WbError("WB3301", `${label}: the list of storage keys is missing`, {
      details: { path: label },
    });
  }
  const storages = new Map<string, StorageBytes>();
  let position = begin;
  for (const key of items) {
    const ref = typeof key === "string" ? refs.get(key) : undefined;
    if (ref === undefined || storages.has(ref.key)) {
      throw new WbError(
        "WB3304",
        `${label}: the key list names a storage that is unknown or was named before`,
        { details: { where: label } },
      );
    }
    const itemBytes = elementBytes(ref.dtype);
    const header = await source.read(position, 8);
    const view = new DataView(header.buffer, header.byteOffset, 8);
    const count = view.getBigInt64(0, byteOrder === "little");
    if (count !== BigInt(ref.length)) {
      throw new WbError(
        "WB3304",
        `${label}: storage ${ref.key} at byte ${position} has ${count} elements, its tensors expect ${ref.length}`,
        { details: { where: label } },
      );
    }
    const byteLength = ref.length * itemBytes;
    if (byteLength > source.byteLength - position - 8) {
      throw new WbError(
        "WB3304",
        `${label}: storage ${ref.key} at byte ${position} needs ${byteLength} bytes, but only ${source.byteLength - position - 8} are left`,
        { details: { where: label } },
      );
    }
    storages.set(ref.key, {
      source,
      begin: position + 8,
      byteLength,
      identity: `${label}:${ref.key}`,
    });
    position += 8 + byteLength;
  }
  return storages;
}

function elementBytes(dtype: Dtype | undefined): number {
  return dtype === undefined ? 1 : (bytesPerElement(dtype) ?? 1);
}

function findStorage(
  storage: StorageRef,
  storages: ReadonlyMap<string, StorageBytes>,
  where: string,
): StorageBytes {
  const bytes = storages.get(storage.key);
  if (bytes === undefined) {
    throw new WbError(
      "WB3304",
      `${where}: its storage ${storage.key} is not in the list of those that follow`,
      { details: { where } },
    );
  }
  if (storage.view === undefined) return bytes;
  const itemBytes = elementBytes(storage.dtype);
  const begin = storage.view.offset * itemBytes;
  const byteLength = storage.view.length * itemBytes;
  if (begin + byteLength > bytes.byteLength) {
    throw new WbError(
      "WB3304",
      `${where}: its view of storage ${storage.key} reaches past the storage's end`,
      { details: { where } },
    );
  }
  return { ...bytes, begin: bytes.begin + begin, byteLength };
}
