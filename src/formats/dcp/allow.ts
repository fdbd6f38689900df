import { isAllowedGlobal } from "../pickle/allow.ts";

/** What a table is made of, by exact names (torch v2.6, torch/distributed/checkpoint/metadata.py and filesystem.py). None is called. */
const ALLOWED: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  [
    "torch.distributed.checkpoint.metadata",
    new Set([
      "Metadata",
      "TensorStorageMetadata",
      "TensorProperties",
      "ChunkStorageMetadata",
      "BytesStorageMetadata",
      "MetadataIndex",
      "StorageMeta",
      "_MEM_FORMAT_ENCODING",
      "MEM_FORMAT_ENCODING",
    ]),
  ],
  [
    "torch.distributed.checkpoint.filesystem",
    new Set(["_StorageInfo", "_StoragePrefix", "StorageMeta"]),
  ],
  [
    "torch.distributed._shard.sharded_tensor.metadata",
    new Set(["TensorProperties", "MEM_FORMAT_ENCODING"]),
  ],
  ["pathlib", new Set(["PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"])],
  ["pathlib._local", new Set(["PosixPath", "WindowsPath"])],
]);

/** Whether a table of a distributed checkpoint may name this global. */
export function isOfTable(module: string, name: string): boolean {
  return ALLOWED.get(module)?.has(name) === true || isAllowedGlobal(module, name);
}
