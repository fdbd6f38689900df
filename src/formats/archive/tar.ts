import { WbError } from "../../errors/wb-error.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { sliceSource } from "../../sources/file.ts";

const BLOCK_BYTES = 512;

/** Entries of a torch tar: sys_info, pickle, tensors, storages; a few more do no harm. */
const MAX_ENTRIES = 64;

/** True when the block is a tar header: its checksum is right (POSIX.1-1988 ustar and the older form alike). */
export function isTarHeader(block: Uint8Array): boolean {
  if (block.byteLength < BLOCK_BYTES || block[0] === 0) return false;
  return octal(block, 148, 8) === checksum(block);
}

/** The plain files of a tar by name. @throws WbError WB3103, WB5101. */
export async function readTar(source: ByteSource): Promise<ReadonlyMap<string, ByteSource>> {
  const entries = new Map<string, ByteSource>();
  let position = 0;
  while (position + BLOCK_BYTES <= source.byteLength) {
    const block = await source.read(position, BLOCK_BYTES);
    if (block.every((byte) => byte === 0)) break;
    if (!isTarHeader(block))
      throw damaged(source.label, `no header with a right checksum at byte ${position}`);
    const byteLength = octal(block, 124, 12);
    if (byteLength === undefined || byteLength > source.byteLength - position - BLOCK_BYTES) {
      throw damaged(source.label, `the entry at byte ${position} reaches past the end of the file`);
    }
    const type = block[156] ?? 0;
    // "0" and NUL are plain files; folders, links and PAX headers carry nothing we need.
    if (type === 0x30 || type === 0) {
      const name = fieldText(block, 0, 100).replace(/^\.\//, "");
      if (entries.has(name))
        throw new WbError("WB5101", `${source.label}: two tar entries are named ${name}`, {
          details: { path: source.label },
        });
      if (entries.size >= MAX_ENTRIES)
        throw damaged(source.label, `more than ${MAX_ENTRIES} entries`);
      entries.set(name, sliceSource(source, position + BLOCK_BYTES, byteLength));
    }
    position += BLOCK_BYTES + Math.ceil(byteLength / BLOCK_BYTES) * BLOCK_BYTES;
  }
  return entries;
}

/** Sum of all bytes, the checksum field itself counted as spaces. */
function checksum(block: Uint8Array): number {
  let sum = 0;
  for (let index = 0; index < BLOCK_BYTES; index++)
    sum += index >= 148 && index < 156 ? 0x20 : (block[index] ?? 0);
  return sum;
}

function octal(block: Uint8Array, begin: number, length: number): number | undefined {
  const text = fieldText(block, begin, length).trim();
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

function fieldText(block: Uint8Array, begin: number, length: number): string {
  const field = block.subarray(begin, begin + length);
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString("latin1");
}

function damaged(label: string, problem: string): WbError {
  return new WbError("WB3103", `${label}: the tar file is damaged: ${problem}`, {
    details: { path: label },
  });
}
