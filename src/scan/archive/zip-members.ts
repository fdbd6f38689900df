import { WbError } from "../../errors/wb-error.ts";
import { parseDirectory, type DirectoryEntry } from "../../formats/archive/zip-directory.ts";
import { findDirectory } from "../../formats/archive/zip-end.ts";
import { sliceSource } from "../../sources/file.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";

/** A member of a zip, as its directory has it and its local header confirms it. */
export interface ZipMember {
  readonly name: string;
  readonly method: number;
  readonly isEncrypted: boolean;
  /** Unpacked by some programs as a link to what its data names. */
  readonly isLink: boolean;
  /** Bytes that it has once it is inflated. */
  readonly inflatedLength: number;
  /** As it is stored, compressed or not. */
  readonly stored: ByteSource;
}

const END_SIGNATURE = Buffer.from("PK\u0005\u0006", "latin1");
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
const ENCRYPTED = 1;
/** Bit 3: sizes and checksum follow the data, and may be zero in the local header. */
const DESCRIPTOR = 8;
const MAX_U32 = 0xffffffff;

/**
 * The members of a zip of any compression, where every reader must see the same ones: by the directory, by the local headers,
 * and in whatever order.
 * @throws WbError WB3101, WB3102, WB4101, WB5101.
 */
export async function zipMembers(source: ByteSource): Promise<readonly ZipMember[]> {
  const place = await findDirectory(source);
  const bytes = await source.read(place.begin, place.byteLength);
  const directory = parseDirectory(bytes, place, source.label);
  refuseTwins(directory, source.label);
  await refuseSecondEnd(source, place.begin + place.byteLength);
  const members = new Map<DirectoryEntry, ZipMember>();
  let previousEnd = 0;
  for (const entry of directory.toSorted((left, right) => left.localBegin - right.localBegin)) {
    const begin = await dataBegin(source, entry);
    await refuseHidden(source, previousEnd, entry.localBegin, entryText(entry));
    if (entry.localBegin < previousEnd) throw contradiction(source, entry, "overlaps another");
    previousEnd = begin + entry.byteLength;
    if (previousEnd > place.begin) throw contradiction(source, entry, "reaches into the directory");
    members.set(entry, {
      name: entry.name,
      method: entry.method,
      isEncrypted: (entry.flags & ENCRYPTED) !== 0,
      isLink: entry.isLink,
      inflatedLength: entry.inflatedLength,
      stored: sliceSource(source, begin, entry.byteLength, `${source.label}: ${entry.name}`),
    });
  }
  await refuseHidden(source, previousEnd, place.begin, "directory");
  return directory.flatMap((entry) => members.get(entry) ?? []);
}

/** Bytes between two members that are searched: what readers of streams would take for a member. */
const MAX_GAP_BYTES = 64 * 2 ** 20;
const LOCAL_MAGIC = Buffer.from("PK\u0003\u0004", "latin1");

/** Members that the directory does not list are seen by readers that go by the local headers. */
async function refuseHidden(
  source: ByteSource,
  previousEnd: number,
  nextBegin: number,
  next: string,
): Promise<void> {
  const gap = nextBegin - previousEnd;
  if (gap < LOCAL_BYTES) return;
  // Before the first member may be anything, such as a program that unpacks the rest, but no member.
  const length = previousEnd === 0 ? LOCAL_MAGIC.byteLength : gap;
  if (
    length > MAX_GAP_BYTES ||
    Buffer.from(await source.read(previousEnd, length)).includes(LOCAL_MAGIC)
  )
    throw contradicted(source, next, "follows a member that the directory does not list");
}

/** torch's reader (miniz) and Python's zipfile take the last record that looks like an end, whatever its comment's length. */
async function refuseSecondEnd(source: ByteSource, begin: number): Promise<void> {
  const tail = Buffer.from(await source.read(begin, source.byteLength - begin));
  if (tail.indexOf(END_SIGNATURE) === tail.lastIndexOf(END_SIGNATURE)) return;
  throw new WbError("WB3102", `${source.label}: the zip has more than one end record`, {
    details: { where: source.label },
  });
}

/** torch's reader looks names up without regard to case. */
function refuseTwins(directory: readonly DirectoryEntry[], label: string): void {
  const seen = new Map<string, string>();
  for (const { name } of directory) {
    const other = seen.get(name.toLowerCase());
    if (other !== undefined) {
      const names = `${JSON.stringify(other)} and ${JSON.stringify(name)}`;
      throw new WbError(
        "WB5101",
        `${label}: two zip entries have one name, or differ in case only: ${names}`,
        { details: { path: label } },
      );
    }
    seen.set(name.toLowerCase(), name);
  }
}

/** Where the data begins, once the local header has been held against the directory. */
async function dataBegin(source: ByteSource, entry: DirectoryEntry): Promise<number> {
  const nameBegin = entry.localBegin + LOCAL_BYTES;
  if (nameBegin + entry.nameBytes.byteLength > source.byteLength)
    throw contradiction(source, entry, "is outside the file");
  const header = await source.read(entry.localBegin, LOCAL_BYTES + entry.nameBytes.byteLength);
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (view.getUint32(0, true) !== LOCAL_SIGNATURE)
    throw contradiction(source, entry, "has no local header");
  const flags = view.getUint16(6, true);
  const nameLength = view.getUint16(26, true);
  if (entry.nameBytes.includes(0))
    throw contradiction(source, entry, "has a name with a zero byte");
  if (hasOtherName(entry))
    throw contradiction(source, entry, "has another name in its extra field");
  const name = header.subarray(LOCAL_BYTES);
  if (nameLength !== entry.nameBytes.byteLength || Buffer.compare(name, entry.nameBytes) !== 0)
    throw contradiction(source, entry, "has another name in its local header");
  if (((flags ^ entry.flags) & ~DESCRIPTOR) !== 0 || view.getUint16(8, true) !== entry.method)
    throw contradiction(
      source,
      entry,
      "has other flags or another compression in its local header",
    );
  for (const [at, expected] of [
    [14, entry.crc32],
    [18, entry.byteLength],
    [22, entry.inflatedLength],
  ] as const) {
    const found = view.getUint32(at, true);
    // Behind a descriptor the header may say nothing, and beyond 4 GiB its extra field says it.
    const isOpen = ((flags & DESCRIPTOR) !== 0 && found === 0) || found === MAX_U32;
    if (found !== expected && !isOpen)
      throw contradiction(source, entry, "has other sizes or another checksum in its local header");
  }
  return nameBegin + nameLength + view.getUint16(28, true);
}

/** Where the name itself could be written as it is, the extra field has nothing else to say. */
function hasOtherName({ nameBytes, otherName }: DirectoryEntry): boolean {
  if (otherName === undefined || Buffer.compare(nameBytes, otherName) === 0) return false;
  return isAscii(nameBytes) || isAscii(otherName);
}

function isAscii(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte < 0x80);
}

function contradiction(source: ByteSource, entry: DirectoryEntry, problem: string): WbError {
  return contradicted(source, entryText(entry), problem);
}

function contradicted(source: ByteSource, what: string, problem: string): WbError {
  return new WbError("WB3102", `${source.label}: zip ${what} ${problem}`, {
    details: { where: source.label },
  });
}

function entryText({ name }: DirectoryEntry): string {
  return `entry ${JSON.stringify(name)}`;
}
