import { randomBytes } from "node:crypto";
import { open, rename, unlink, type FileHandle } from "node:fs/promises";
import { WbError } from "../errors/wb-error.ts";
import { DTYPES, type Dtype } from "../tensor/dtype.ts";
import { byteCount, renderShape } from "../tensor/shape.ts";
import { LENGTH_BYTES } from "./safetensors-header.ts";

/** A tensor in memory, ready to be written: little-endian and row-major. */
export interface TensorToWrite {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** The header's length is filled up with spaces to a multiple of this, so that the data is aligned. */
const HEADER_ALIGNMENT = 8;

const DTYPE_ORDER: readonly string[] = Object.keys(DTYPES);

/**
 * The length and header of a safetensors file, and its tensors in the order of their bytes: widest dtype first, then by name,
 * as huggingface/safetensors writes them (24b0b28, safetensors/src/tensor.rs, `prepare`). The same tensors give the same
 * bytes, in whatever order they are given.
 */
export function layOutSafetensors(
  tensors: readonly TensorToWrite[],
  metadata: ReadonlyMap<string, string>,
): { readonly head: Uint8Array; readonly ordered: readonly TensorToWrite[] } {
  const ordered = tensors.toSorted(
    (left, right) =>
      DTYPE_ORDER.indexOf(right.dtype) - DTYPE_ORDER.indexOf(left.dtype) ||
      (left.name < right.name ? -1 : 1),
  );
  const entries: [string, unknown][] = [];
  if (metadata.size > 0) {
    entries.push(["__metadata__", Object.fromEntries([...metadata].toSorted(byKey))]);
  }
  let begin = 0;
  for (const { name, dtype, shape, bytes } of ordered) {
    if (byteCount(shape, dtype) !== bytes.byteLength) {
      throw new WbError(
        "WB7001",
        `${name} ${renderShape(shape)} ${dtype} was given ${bytes.byteLength} bytes`,
      );
    }
    const end = begin + bytes.byteLength;
    entries.push([name, { dtype, shape, data_offsets: [begin, end] }]);
    begin = end;
  }
  // An entry a line of code rather than one object: a tensor may be called "__proto__".
  const members = entries.map(
    ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
  );
  const json = Buffer.from(`{${members.join(",")}}`, "utf8");
  const padded = Math.ceil(json.byteLength / HEADER_ALIGNMENT) * HEADER_ALIGNMENT;
  const head = Buffer.alloc(LENGTH_BYTES + padded, " ");
  head.writeBigUInt64LE(BigInt(padded), 0);
  json.copy(head, LENGTH_BYTES);
  return { head, ordered };
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
  const { head, ordered } = layOutSafetensors(tensors, metadata);
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  const handle = await open(temporary, "wx");
  try {
    try {
      await writeFully(handle, head);
      for (const { bytes } of ordered) await writeFully(handle, bytes);
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

function byKey(left: readonly [string, string], right: readonly [string, string]): number {
  return left[0] < right[0] ? -1 : 1;
}
