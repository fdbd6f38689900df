import { WbError } from "../../errors/wb-error.ts";
import { decodeUtf8, decodeLatin1 } from "../pickle/text.ts";
import type { DirectoryPlace } from "./zip-end.ts";

/** One entry of a central directory (PKWARE APPNOTE 6.3.10, section 4.3.12). */
export interface DirectoryEntry {
  readonly name: string;
  readonly nameBytes: Uint8Array;
  readonly flags: number;
  readonly method: number;
  readonly crc32: number;
  /** As they are in the file. */
  readonly byteLength: number;
  /** Of the data as it was before compression. */
  readonly inflatedLength: number;
  /** Byte of its local header. */
  readonly localBegin: number;
}

const ENTRY_SIGNATURE = 0x02014b50;
const ENTRY_BYTES = 46;
const ZIP64_EXTRA = 0x0001;
const MAX_U32 = 0xffffffff;
/** Bit 11 of the flags: the name is UTF-8. */
const UTF8_NAME = 0x800;

/** Parses a whole central directory. @throws WbError WB3101. */
export function parseDirectory(
  bytes: Uint8Array,
  place: DirectoryPlace,
  label: string,
): readonly DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let position = 0;
  while (position < bytes.byteLength) {
    if (
      position + ENTRY_BYTES > bytes.byteLength ||
      view.getUint32(position, true) !== ENTRY_SIGNATURE
    ) {
      throw damaged(label, `no entry at byte ${place.begin + position}`);
    }
    const nameLength = view.getUint16(position + 28, true);
    const extraLength = view.getUint16(position + 30, true);
    const extraBegin = position + ENTRY_BYTES + nameLength;
    const end = extraBegin + extraLength + view.getUint16(position + 32, true);
    if (end > bytes.byteLength)
      throw damaged(label, `the entry at byte ${place.begin + position} reaches past its end`);
    const extra = new DataView(bytes.buffer, bytes.byteOffset + extraBegin, extraLength);
    entries.push(
      parseEntry(view, position, bytes.subarray(position + ENTRY_BYTES, extraBegin), extra, label),
    );
    position = end;
  }
  if (entries.length !== place.entryCount) {
    throw damaged(
      label,
      `it has ${entries.length} entries, the end record says ${place.entryCount}`,
    );
  }
  return entries;
}

function parseEntry(
  view: DataView,
  position: number,
  nameBytes: Uint8Array,
  extra: DataView,
  label: string,
): DirectoryEntry {
  const flags = view.getUint16(position + 8, true);
  const name = (flags & UTF8_NAME) === 0 ? decodeLatin1(nameBytes) : decodeUtf8(nameBytes);
  if (name === undefined) throw damaged(label, `the name at byte ${position} is not UTF-8`);
  const method = view.getUint16(position + 10, true);
  // In this order, and each only where the 32-bit field says so: section 4.5.3.
  const wide = zip64Values(extra);
  const resolve = (at: number): number => {
    const plain = view.getUint32(position + at, true);
    if (plain !== MAX_U32) return plain;
    const value = wide.shift();
    if (value === undefined || value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw damaged(label, `entry ${JSON.stringify(name)} has no usable 64-bit size or offset`);
    }
    return Number(value);
  };
  const uncompressed = resolve(24);
  const compressed = resolve(20);
  const localBegin = resolve(42);
  if (method === 0 && compressed !== uncompressed) {
    throw damaged(
      label,
      `entry ${JSON.stringify(name)} is stored, but has two sizes: ${compressed} and ${uncompressed}`,
    );
  }
  const crc32 = view.getUint32(position + 16, true);
  return {
    name,
    nameBytes,
    flags,
    method,
    crc32,
    byteLength: compressed,
    inflatedLength: uncompressed,
    localBegin,
  };
}

/** The 64-bit numbers of the zip64 extra field, in written order; empty where there is none. */
function zip64Values(extra: DataView): bigint[] {
  const values: bigint[] = [];
  let position = 0;
  while (position + 4 <= extra.byteLength) {
    const length = extra.getUint16(position + 2, true);
    if (extra.getUint16(position, true) === ZIP64_EXTRA) {
      const end = Math.min(position + 4 + length, extra.byteLength);
      for (let at = position + 4; at + 8 <= end; at += 8) values.push(extra.getBigUint64(at, true));
      return values;
    }
    position += 4 + length;
  }
  return values;
}

function damaged(label: string, problem: string): WbError {
  return new WbError("WB3101", `${label}: the zip directory is damaged: ${problem}`, {
    details: { path: label },
  });
}
