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
  /** The name that the extra field of Info-ZIP gives it beside (APPNOTE 4.6.9), which newer readers take. */
  readonly otherName: Uint8Array | undefined;
  /** Whether its mode of Unix says that it is a link, whose data is where that leads. */
  readonly isLink: boolean;
}

const ENTRY_SIGNATURE = 0x02014b50;
const ENTRY_BYTES = 46;
const ZIP64_EXTRA = 0x0001;
const UNICODE_PATH_EXTRA = 0x7075;
/** A version and a checksum before the name. */
const UNICODE_PATH_HEAD = 5;
const MAX_U32 = 0xffffffff;
/** The kind of file in a mode of Unix, which the upper half of the external attributes is, and that of a link. */
const UNIX_KIND = 0xf000;
const UNIX_LINK = 0xa000;
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
    otherName: extraValue(extra, UNICODE_PATH_EXTRA)?.subarray(UNICODE_PATH_HEAD),
    isLink: (view.getUint16(position + 40, true) & UNIX_KIND) === UNIX_LINK,
  };
}

/** The bytes of the first extra field of a kind. */
function extraValue(extra: DataView, kind: number): Uint8Array | undefined {
  for (let at = 0; at + 4 <= extra.byteLength;) {
    const length = extra.getUint16(at + 2, true);
    const end = Math.min(at + 4 + length, extra.byteLength);
    if (extra.getUint16(at, true) === kind)
      return new Uint8Array(extra.buffer, extra.byteOffset + at + 4, end - at - 4);
    at += 4 + length;
  }
  return undefined;
}

/** The 64-bit numbers of the zip64 extra field, in written order; empty where there is none. */
function zip64Values(extra: DataView): bigint[] {
  const bytes = extraValue(extra, ZIP64_EXTRA) ?? new Uint8Array(0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = Math.floor(bytes.byteLength / 8);
  return Array.from({ length: count }, (_unused, index) => view.getBigUint64(index * 8, true));
}

function damaged(label: string, problem: string): WbError {
  return new WbError("WB3101", `${label}: the zip directory is damaged: ${problem}`, {
    details: { path: label },
  });
}
