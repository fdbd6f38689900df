import { setImmediate } from "node:timers/promises";
import { openFileSource, type FileSource } from "../checkpoint/sources.ts";
import { WbError } from "../errors/wb-error.ts";
import { newChecksumKey, startChecksum, type ChecksumKey } from "./checksum.ts";
import type { OutputTensor } from "./file-plan.ts";
import type { OutputFile } from "./file-system.ts";
import { writeTensor, type WriteTensorOptions, type WrittenTensor } from "./write-tensor.ts";

export interface WriteCheckedOptions extends WriteTensorOptions {
  /** Whether what was written is read back and compared. */
  readonly verify: boolean;
  /** Told the bytes as they are read back. */
  onVerified(count: number): void;
}

/** Bytes of a read; they stay in the processor's cache until their checksum is taken. */
const READ_BYTES = 2 ** 18;

/** Bytes after which other work and signals get their turn. */
const TURN_BYTES = 8 * 2 ** 20;

/**
 * Writes a tensor at `begin` of a file, and reads it back from there.
 * @throws WbError WB1901 where other bytes come back, and those of reading and writing.
 */
export async function writeChecked(
  tensor: OutputTensor,
  output: OutputFile,
  begin: number,
  options: WriteCheckedOptions,
): Promise<WrittenTensor> {
  const key = newChecksumKey();
  const sent = options.verify ? startChecksum(key) : undefined;
  const outcome = await writeTensor(tensor, options, (chunk, offset) => {
    sent?.update(chunk);
    output.writeNow(chunk, begin + offset);
  });
  if (sent === undefined) return outcome;
  const source = await openFileSource(output.path);
  try {
    const found = await checksumOf(source, begin, tensor.byteLength, key, options);
    const wanted = sent.digest();
    if (found === wanted) return outcome;
    throw new WbError(
      "WB1901",
      `${output.path}: tensor ${tensor.name} was written with checksum ${wanted}, read back it is ${found}`,
    );
  } finally {
    await source.close();
  }
}

async function checksumOf(
  source: FileSource,
  begin: number,
  byteLength: number,
  key: ChecksumKey,
  options: WriteCheckedOptions,
): Promise<string> {
  const checksum = startChecksum(key);
  const buffer = await options.buffers.take(Math.min(READ_BYTES, byteLength));
  for (let offset = 0; offset < byteLength; offset += READ_BYTES) {
    const chunk = buffer.subarray(0, Math.min(READ_BYTES, byteLength - offset));
    if (source.readNow === undefined) await source.readInto(begin + offset, chunk);
    else source.readNow(begin + offset, chunk);
    checksum.update(chunk);
    options.onVerified(chunk.byteLength);
    if (offset % TURN_BYTES === 0) {
      await setImmediate();
      options.signal?.throwIfAborted();
    }
  }
  return checksum.digest();
}
