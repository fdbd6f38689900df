import { WbError } from "../../errors/wb-error.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { isOfTable } from "./allow.ts";
import { readPickle } from "../pickle/read.ts";
import { describeValue } from "../pickle/stack.ts";
import type { PickleValue } from "../pickle/value.ts";

/** A part of a tensor. */
export interface Chunk {
  /** Of its first element in the tensor, by axis. */
  readonly offsets: readonly number[];
  readonly sizes: readonly number[];
}

/** A tensor as the table has it. */
export interface ChunkedTensor {
  readonly shape: readonly number[];
  readonly chunks: readonly Chunk[];
}

/** Where the bytes of a chunk are. */
export interface ChunkPlace {
  readonly key: string;
  /** Undefined where the tensor has one chunk. */
  readonly offsets: readonly number[] | undefined;
  readonly file: string;
  readonly begin: number;
  readonly byteLength: number;
  /** Whether its bytes were encoded further. */
  readonly isEncoded: boolean;
}

/** The table of a distributed checkpoint. */
export interface DcpTable {
  readonly tensors: ReadonlyMap<string, ChunkedTensor>;
  /** Keys of all entries, the tensors and the rest. */
  readonly keys: readonly string[];
  /** The path of keys in the state dict that an entry was saved from. */
  readonly paths: ReadonlyMap<string, readonly (string | number)[]>;
  readonly places: readonly ChunkPlace[];
}

/** Reads the pickle of `.metadata`. @throws WbError WB3607, WB32xx, WB52xx. */
export async function readDcpTable(source: ByteSource): Promise<DcpTable> {
  const { label } = source;
  const { value } = await readPickle(source, 0, { allow: isOfTable });
  const top = fieldsOf(value, label, "Metadata");
  const tensors = new Map<string, ChunkedTensor>();
  const keys: string[] = [];
  for (const [key, entry] of entriesOf(top.get("state_dict_metadata"), label)) {
    if (typeof key !== "string") throw damaged(label, `an entry is called ${describeValue(key)}`);
    keys.push(key);
    if (className(entry) === "BytesStorageMetadata") continue;
    const fields = fieldsOf(entry, label, "TensorStorageMetadata");
    const chunks = itemsOf(fields.get("chunks"), label).map((item): Chunk => {
      const chunk = fieldsOf(item, label, "ChunkStorageMetadata");
      return {
        offsets: sizesOf(chunk.get("offsets"), label),
        sizes: sizesOf(chunk.get("sizes"), label),
      };
    });
    tensors.set(key, { shape: sizesOf(fields.get("size"), label), chunks });
  }
  const paths = new Map<string, readonly (string | number)[]>();
  const planned = top.get("planner_data");
  if (typeof planned === "object" && planned?.kind === "dict")
    for (const [key, path] of entriesOf(planned, label))
      if (typeof key === "string") paths.set(key, pathOf(path, key));
  return { tensors, keys, paths, places: placesOf(top.get("storage_data"), label) };
}

function placesOf(value: PickleValue | undefined, label: string): readonly ChunkPlace[] {
  return entriesOf(value, label).map(([index, info]): ChunkPlace => {
    const at = fieldsOf(index, label, "MetadataIndex");
    const where = fieldsOf(info, label, "_StorageInfo");
    const key = at.get("fqn");
    const offset = at.get("offset") ?? null;
    const file = where.get("relative_path");
    const begin = countOf(where.get("offset"), label);
    const byteLength = countOf(where.get("length"), label);
    if (typeof key !== "string" || typeof file !== "string")
      throw damaged(label, `a place is ${describeValue(key)} in ${describeValue(file)}`);
    const offsets = offset === null ? undefined : sizesOf(offset, label);
    const transforms = where.get("transform_descriptors") ?? null;
    return { key, offsets, file, begin, byteLength, isEncoded: transforms !== null };
  });
}

function className(value: PickleValue): string | undefined {
  return typeof value === "object" && value?.kind === "reduce" ? value.callable.name : undefined;
}

/** The fields of a data class, as its pickle gives them to the new object. */
function fieldsOf(
  value: PickleValue | undefined,
  label: string,
  expected: string,
): ReadonlyMap<PickleValue, PickleValue> {
  if (typeof value === "object" && value?.kind === "reduce" && value.callable.name === expected) {
    const { state } = value;
    if (typeof state === "object" && state?.kind === "dict") return new Map(state.entries);
  }
  throw damaged(label, `expected ${expected}, found ${describeValue(value)}`);
}

function entriesOf(
  value: PickleValue | undefined,
  label: string,
): readonly (readonly [PickleValue, PickleValue])[] {
  if (typeof value === "object" && value?.kind === "dict") return value.entries;
  throw damaged(label, `expected a dict, found ${describeValue(value)}`);
}

function itemsOf(value: PickleValue | undefined, label: string): readonly PickleValue[] {
  if (typeof value === "object" && (value?.kind === "list" || value?.kind === "tuple"))
    return value.items;
  throw damaged(label, `expected a list, found ${describeValue(value)}`);
}

/** torch.Size((…)). */
function sizesOf(value: PickleValue | undefined, label: string): readonly number[] {
  const isSize =
    typeof value === "object" && value?.kind === "reduce" && value.callable.name === "Size";
  const items = itemsOf(isSize ? value.args.items[0] : value, label);
  return items.map((item) => countOf(item, label));
}

function countOf(value: PickleValue | undefined, label: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw damaged(label, `expected a size, found ${describeValue(value)}`);
}

function pathOf(value: PickleValue, key: string): readonly (string | number)[] {
  const items = typeof value === "object" && value?.kind === "tuple" ? value.items : [];
  const path = items.filter((item) => typeof item === "string" || typeof item === "number");
  return path.length === 0 || path.length < items.length ? [key] : path;
}

export function damaged(path: string, problem: string): WbError {
  return new WbError("WB3607", `${path}: the table of the distributed checkpoint: ${problem}`, {
    details: { path },
  });
}
