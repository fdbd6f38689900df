import type { Checkpoint, CheckpointFormat } from "../../tensor/table.ts";
import type { PytorchOptions } from "./table.ts";
import { isLegacyHead, readPytorchLegacy } from "./legacy.ts";
import { readPytorchTar } from "./tar.ts";
import { readPytorchZip } from "./zip.ts";
import type { FileSource } from "../../sources/file.ts";
import { isTarHeader } from "../archive/tar.ts";
import { ZIP_MAGIC } from "../archive/zip.ts";

export type PytorchFormat = Extract<CheckpointFormat, `pytorch-${string}`>;

const READERS = {
  "pytorch-zip": readPytorchZip,
  "pytorch-legacy": readPytorchLegacy,
  "pytorch-tar": readPytorchTar,
} as const satisfies Record<PytorchFormat, unknown>;

/** Which of torch.save's formats a file's first 512 bytes begin, or undefined. */
export function pytorchFormatOf(head: Uint8Array): PytorchFormat | undefined {
  if (startsWith(head, ZIP_MAGIC)) return "pytorch-zip";
  if (isLegacyHead(head)) return "pytorch-legacy";
  return isTarHeader(head) ? "pytorch-tar" : undefined;
}

/** Opens a file of torch.save of any age: reads its pickles, leaves its tensors where they are. */
export async function openPytorch(
  source: FileSource,
  format: PytorchFormat,
  options: PytorchOptions = {},
): Promise<Checkpoint> {
  const table = await READERS[format](source, options);
  return {
    format,
    path: source.label,
    files: [source.label],
    ...table,
    metadata: new Map(),
    close: () => source.close(),
  };
}

function startsWith(head: Uint8Array, magic: Uint8Array): boolean {
  return head.byteLength >= magic.byteLength && magic.every((byte, index) => head[index] === byte);
}
