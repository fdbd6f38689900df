import { randomBytes } from "node:crypto";
import { open, rename, unlink, type FileHandle } from "node:fs/promises";
import { WbError } from "../../errors/wb-error.ts";
import type { Dtype } from "../../tensor/dtype.ts";
import { byteCount, renderShape } from "../../tensor/shape.ts";
import { buildSafetensorsHeader } from "./build-header.ts";

/** A tensor in memory, ready to be written: little-endian and row-major. */
export interface TensorToWrite {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/**
 * Writes tensors that are in memory as one safetensors file: beside the target under a name of its own, flushed to disk, then
 * renamed, so that the target is never half written. For results; conversions stream.
 * @throws the system's error (ENOSPC, EACCES, …) after removing what was written.
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly TensorToWrite[],
  metadata: ReadonlyMap<string, string>,
): Promise<void> {
  for (const { name, dtype, shape, bytes } of tensors) {
    if (byteCount(shape, dtype) === bytes.byteLength) continue;
    const facts = `${name} ${renderShape(shape)} ${dtype}`;
    throw new WbError("WB7001", `${facts} was given ${bytes.byteLength} bytes`);
  }
  const layout = buildSafetensorsHeader(tensors, metadata, path);
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  const handle = await open(temporary, "wx");
  try {
    try {
      await writeFully(handle, layout.header);
      for (const { bytes } of layout.tensors) await writeFully(handle, bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary);
    throw error;
  }
}

/** `write` may take fewer bytes than it is given. */
async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.byteLength) {
    const { bytesWritten } = await handle.write(bytes, written);
    written += bytesWritten;
  }
}
