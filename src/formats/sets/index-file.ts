import { WbError } from "../../errors/wb-error.ts";
import { jsonCount, parseStrictJson } from "../safetensors/strict-json.ts";

/** A `*.index.json`: which shard holds which tensor. */
export interface WeightIndex {
  /** What messages call it. */
  readonly path: string;
  /** Tensor name → file name, in the order of the index. */
  readonly fileOf: ReadonlyMap<string, string>;
  /** The shards, each once, in order of first mention. */
  readonly files: readonly string[];
  /** Bytes of all tensors as the index has it; informative only, and often wrong in published files. */
  readonly totalSize: number | undefined;
}

/** Largest index in bytes; the largest public ones have a few megabytes. */
export const MAX_INDEX_BYTES = 100_000_000;

/** Whether a JSON file is an index by its name; others, such as config.json, look the same from their first byte. */
export const isIndexName = (name: string): boolean => /\.index(\.[\w-]+)?\.json$/.test(name);

/** Shards that an index may name; the largest public checkpoints have a few hundred. */
const MAX_SHARDS = 10_000;

/**
 * Parses an index of safetensors, PyTorch or Paddle shards: `{"metadata": {"total_size": n}, "weight_map": {name: file}}`.
 * @throws WbError WB3601 when it is damaged, WB5601 when a name leads out of the folder, WB5602 when it is oversized.
 */
export function parseIndex(bytes: Uint8Array, path: string): WeightIndex {
  if (bytes.byteLength > MAX_INDEX_BYTES) throw oversized(path, bytes.byteLength);
  const root = parseStrictJson(bytes, { label: path, code: "WB3601", tooManyCode: "WB5602" });
  const map = root.kind === "object" ? root.members.get("weight_map") : undefined;
  if (root.kind !== "object" || map?.kind !== "object") {
    throw new WbError(
      "WB3601",
      `${path}: expected an object with weight_map, found ${map === undefined ? "none" : map.kind}`,
      { details: { path } },
    );
  }
  const fileOf = new Map<string, string>();
  for (const [name, file] of map.members) {
    if (file.kind !== "string") {
      throw new WbError(
        "WB3601",
        `${path}: weight_map of ${name}: expected a file name, found ${file.kind}`,
        { details: { path } },
      );
    }
    checkShardName(file.value, name, path);
    fileOf.set(name, file.value);
  }
  if (fileOf.size === 0)
    throw new WbError("WB3601", `${path}: weight_map is empty`, { details: { path } });
  const files = [...new Set(fileOf.values())];
  if (files.length > MAX_SHARDS) {
    throw new WbError(
      "WB5602",
      `${path}: weight_map names ${files.length} files, expected at most ${MAX_SHARDS}`,
      { details: { path } },
    );
  }
  const metadata = root.members.get("metadata");
  return {
    path,
    fileOf,
    files,
    totalSize:
      metadata?.kind === "object" ? jsonCount(metadata.members.get("total_size")) : undefined,
  };
}

/** @throws WbError WB5602. */
export function oversized(path: string, byteLength: number): WbError {
  return new WbError(
    "WB5602",
    `${path}: the index has ${byteLength} bytes, expected at most ${MAX_INDEX_BYTES}`,
    { details: { path } },
  );
}

/**
 * A shard's name must stay inside the index's folder as it is written: it is contained as text, on every platform's rules.
 * Links are followed: the Hub's cache is made of them.
 */
function checkShardName(file: string, tensor: string, path: string): void {
  if (isPlainFileName(file)) return;
  throw new WbError(
    "WB5601",
    `${path}: weight_map of ${tensor}: expected a file inside the folder, found ${JSON.stringify(file)}`,
    { details: { path, file } },
  );
}

/** Whether a relative path stays, as it is written, inside its folder on every platform. */
export function isPlainFileName(file: string): boolean {
  const parts = file.split("/");
  return (
    file !== "" &&
    !/[\\\0:]/.test(file) &&
    parts.every((part) => part !== "" && part !== "." && part !== "..")
  );
}
