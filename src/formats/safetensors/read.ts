import { WbError } from "../../errors/wb-error.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { rowMajorStrides } from "../../tensor/shape.ts";
import type { Checkpoint, StoredTensor } from "../../tensor/table.ts";
import { LENGTH_BYTES, parseSafetensorsHeader } from "./header.ts";
import type { FileSource } from "../../sources/file.ts";

/**
 * Longest header in bytes, the cap of huggingface/safetensors 24b0b28 (safetensors/src/tensor.rs, MAX_HEADER_SIZE). A 7B
 * model's header has about 40 KiB.
 */
export const MAX_HEADER_BYTES = 100_000_000;

/** Whether a file's first bytes (16 or more) can only be those of a safetensors file, damaged or not. */
export function isSafetensorsHead(head: Uint8Array): boolean {
  if (head.byteLength <= LENGTH_BYTES) return false;
  const length = new DataView(head.buffer, head.byteOffset, head.byteLength).getBigUint64(0, true);
  // A JSON file can have a brace there too, but its first eight characters make a far larger number.
  if (length > BigInt(Number.MAX_SAFE_INTEGER)) return false;
  const first = head.subarray(LENGTH_BYTES).find((byte) => !isSpace(byte));
  return first === 0x7b;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/**
 * Opens a safetensors file: checks the whole header to all rules of huggingface/safetensors 24b0b28
 * (safetensors/src/tensor.rs, `Metadata::validate`), and beyond them refuses repeated names; leaves the tensors where they are.
 * @throws WbError WB3501–WB3505, WB4501, WB5501.
 */
export async function openSafetensors(source: FileSource): Promise<Checkpoint> {
  const { metadata, tensors } = await readSafetensors(source);
  return {
    format: "safetensors",
    path: source.label,
    files: [source.label],
    tensors,
    skipped: [],
    metadata,
    close: () => source.close(),
  };
}

/** As `openSafetensors`, from any bytes. */
export async function readSafetensors(
  source: ByteSource,
): Promise<Pick<Checkpoint, "tensors" | "metadata">> {
  const headerBytes = await readHeaderLength(source);
  const bytes = await source.read(LENGTH_BYTES, headerBytes);
  const dataBegin = LENGTH_BYTES + headerBytes;
  const dataBytes = source.byteLength - dataBegin;
  const { entries, metadata } = parseSafetensorsHeader(bytes, dataBytes, source.label);
  const tensors = entries.map((entry): StoredTensor => ({
    name: entry.name,
    dtype: entry.dtype,
    shape: entry.shape,
    strides: rowMajorStrides(entry.shape),
    source,
    byteOffset: dataBegin + entry.begin,
    byteOrder: "little",
    storage: entry.name,
  }));
  return { tensors, metadata };
}

async function readHeaderLength(source: ByteSource): Promise<number> {
  const { label, byteLength } = source;
  if (byteLength < LENGTH_BYTES) {
    throw new WbError(
      "WB3501",
      `${label}: expected at least ${LENGTH_BYTES} bytes, found ${byteLength}`,
      { details: { path: label } },
    );
  }
  const bytes = await source.read(0, LENGTH_BYTES);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(byteLength - LENGTH_BYTES)) {
    throw new WbError(
      "WB3501",
      `${label}: the header says it has ${length} bytes, but only ${byteLength - LENGTH_BYTES} follow byte 8`,
      { details: { path: label } },
    );
  }
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw new WbError(
      "WB5501",
      `${label}: the header has ${length} bytes, expected at most ${MAX_HEADER_BYTES}`,
      { details: { path: label } },
    );
  }
  return Number(length);
}
