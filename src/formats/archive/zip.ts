import { WbError } from "../../errors/wb-error.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { sliceSource } from "../../sources/file.ts";
import { inflatedSource, type InflateMemory } from "./inflated.ts";
import { parseDirectory, type DirectoryEntry } from "./zip-directory.ts";
import { findDirectory } from "./zip-end.ts";

/** One entry of a zip. */
export interface ZipEntry {
  readonly name: string;
  /** As the directory gives it; torch.load does not check it, and torch can be told to write another. */
  readonly crc32: number;
  /** Its plain bytes; as stored in the file where `unsupported` says why they cannot be had. */
  readonly data: ByteSource;
  /** Why the data cannot be used: encrypted, or compressed in a way that torch does not read either. */
  readonly unsupported: WbError | undefined;
}

/** First bytes of a zip's first local header. */
export const ZIP_MAGIC = Uint8Array.of(0x50, 0x4b, 0x03, 0x04);

const LOCAL_HEADER_BYTES = 30;
const LOCAL_SIGNATURE = 0x04034b50;

/** Bit 0 of the flags: encrypted. */
const ENCRYPTED = 1;

/**
 * The entries of a zip, in the order of its directory; nothing of their data is read. Strict, so that no two readers can
 * see different contents: directory and local headers must agree, names be unique, and entries not overlap. Compressed entries
 * are listed, since what they are named tells what the archive is.
 * @throws WbError WB3101, WB3102, WB4101, WB5101.
 */
export async function readZip(source: ByteSource): Promise<readonly ZipEntry[]> {
  const place = await findDirectory(source);
  const directory = parseDirectory(
    await source.read(place.begin, place.byteLength),
    place,
    source.label,
  );
  refuseDuplicates(directory, source.label);
  const entries: ZipEntry[] = [];
  const memory: InflateMemory = { kept: undefined };
  let previousEnd = 0;
  let previousName = "";
  for (const entry of directory.toSorted((left, right) => left.localBegin - right.localBegin)) {
    const begin = await checkLocalHeader(source, entry);
    if (entry.localBegin < previousEnd) {
      throw contradiction(source.label, entry.name, `overlaps ${previousName}`);
    }
    previousEnd = begin + entry.byteLength;
    previousName = entry.name;
    if (previousEnd > place.begin) {
      throw contradiction(
        source.label,
        entry.name,
        `ends at byte ${previousEnd}, behind the directory at ${place.begin}`,
      );
    }
    const stored = sliceSource(source, begin, entry.byteLength, source.label);
    const unsupported = unsupportedKind(entry, source.label);
    const data = unsupported === undefined ? plainData(entry, stored, memory) : stored;
    entries.push({ name: entry.name, crc32: entry.crc32, data, unsupported });
  }
  const order = new Map(directory.map(({ name }, index) => [name, index]));
  return entries.sort((left, right) => (order.get(left.name) ?? 0) - (order.get(right.name) ?? 0));
}

/** Compression method 8 of PKWARE APPNOTE 6.3.10, section 4.4.5. */
const DEFLATE = 8;

/** Times its own bytes to which a record may inflate: weights stay below 2, pickles below 20. */
const MAX_RATIO = 200;
/** Bytes that are no bomb at any ratio: short records of zeros compress well. */
const FREE_BYTES = 16 * 2 ** 20;

/** @throws WbError WB5102. */
function plainData(entry: DirectoryEntry, stored: ByteSource, memory: InflateMemory): ByteSource {
  const where = `${stored.label}: zip entry ${JSON.stringify(entry.name)}`;
  const { inflatedLength: uncompressed, crc32 } = entry;
  if (entry.method === DEFLATE) {
    if (uncompressed > Math.max(FREE_BYTES, MAX_RATIO * entry.byteLength)) {
      throw new WbError(
        "WB5102",
        `${where} has ${entry.byteLength} bytes and is said to inflate to ${uncompressed}, more than ${MAX_RATIO} times as many`,
        { details: { where } },
      );
    }
    return inflatedSource(stored, { byteLength: uncompressed, crc32, where }, memory);
  }
  // torch.serialization.set_crc32_options(False) leaves the field 0.
  if (crc32 === 0) return stored;
  const data: ByteSource = { ...stored, record: undefined };
  return Object.assign(data, { record: { source: data, crc32, where } });
}

function refuseDuplicates(directory: readonly DirectoryEntry[], label: string): void {
  const seen = new Set<string>();
  for (const { name } of directory) {
    if (seen.has(name))
      throw new WbError("WB5101", `${label}: two zip entries are named ${JSON.stringify(name)}`, {
        details: { path: label },
      });
    seen.add(name);
  }
}

/** Byte where the entry's data begins. */
async function checkLocalHeader(source: ByteSource, entry: DirectoryEntry): Promise<number> {
  const { label } = source;
  const fixed = entry.localBegin + LOCAL_HEADER_BYTES;
  if (fixed + entry.nameBytes.byteLength > source.byteLength) {
    throw contradiction(
      label,
      entry.name,
      `its header at byte ${entry.localBegin} is outside the file`,
    );
  }
  const header = await source.read(
    entry.localBegin,
    LOCAL_HEADER_BYTES + entry.nameBytes.byteLength,
  );
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (view.getUint32(0, true) !== LOCAL_SIGNATURE) {
    throw contradiction(label, entry.name, `no local header at byte ${entry.localBegin}`);
  }
  const flags = view.getUint16(6, true);
  const method = view.getUint16(8, true);
  if ((flags & ENCRYPTED) !== (entry.flags & ENCRYPTED) || method !== entry.method) {
    throw contradiction(
      label,
      entry.name,
      "its local header and the directory differ in encryption or compression",
    );
  }
  const nameLength = view.getUint16(26, true);
  const name = header.subarray(LOCAL_HEADER_BYTES, LOCAL_HEADER_BYTES + entry.nameBytes.byteLength);
  if (nameLength !== entry.nameBytes.byteLength || Buffer.compare(name, entry.nameBytes) !== 0) {
    throw contradiction(label, entry.name, "its local header has another name");
  }
  // Size and checksum may be zero here, when a data descriptor follows (flag bit 3); the directory's count.
  return fixed + nameLength + view.getUint16(28, true);
}

function unsupportedKind(entry: DirectoryEntry, label: string): WbError | undefined {
  const name = JSON.stringify(entry.name);
  if ((entry.flags & ENCRYPTED) !== 0) {
    return new WbError("WB4101", `${label}: zip entry ${name} is encrypted`, {
      details: { path: label },
    });
  }
  if (entry.method === 0 || entry.method === DEFLATE) return undefined;
  return new WbError(
    "WB4101",
    `${label}: zip entry ${name} is compressed (method ${entry.method}), expected stored (0) or deflated (8)`,
    { details: { path: label } },
  );
}

function contradiction(label: string, name: string, problem: string): WbError {
  return new WbError("WB3102", `${label}: zip entry ${JSON.stringify(name)}: ${problem}`, {
    details: { where: label },
  });
}
