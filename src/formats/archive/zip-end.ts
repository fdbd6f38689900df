import { WbError } from "../../errors/wb-error.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";

/** Where a zip's central directory is, and how many entries it must have. */
export interface DirectoryPlace {
  readonly begin: number;
  readonly byteLength: number;
  readonly entryCount: number;
}

/* PKWARE APPNOTE 6.3.10: end of central directory (4.3.16), zip64 locator (4.3.15) and zip64 end record (4.3.14). */
const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const LOCATOR_SIGNATURE = 0x07064b50;
const LOCATOR_BYTES = 20;
const END64_SIGNATURE = 0x06064b50;
const END64_BYTES = 56;

/** Largest directory we read; each entry takes about 100 bytes, and 10^5 tensors are beyond any checkpoint we know. */
const MAX_DIRECTORY_BYTES = 64 * 2 ** 20;

/** Finds the central directory. @throws WbError WB3101, WB4101. */
export async function findDirectory(source: ByteSource): Promise<DirectoryPlace> {
  const { label } = source;
  const tailBytes = Math.min(source.byteLength, END_BYTES + MAX_COMMENT_BYTES + LOCATOR_BYTES);
  const tailBegin = source.byteLength - tailBytes;
  const tail = await source.read(tailBegin, tailBytes);
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  const end = endRecord(view, label);
  if (end === undefined) {
    throw damaged(
      label,
      "the zip has no end record; the file is truncated, or many bytes were added to it",
    );
  }
  if (view.getUint16(end + 4, true) !== 0 || view.getUint16(end + 6, true) !== 0) {
    throw new WbError("WB4101", `${label}: the zip is split over several volumes`, {
      details: { path: label },
    });
  }
  const endBegin = tailBegin + end;
  const locator = end - LOCATOR_BYTES;
  const isZip64 = locator >= 0 && view.getUint32(locator, true) === LOCATOR_SIGNATURE;
  const place = isZip64
    ? await zip64Place(source, view.getBigUint64(locator + 8, true), tailBegin + locator)
    : checkPlace(label, plainPlace(view, end), endBegin);
  if (isZip64) agree(label, place, plainPlace(view, end));
  return place;
}

/**
 * The last end record, as torch's reader (miniz) takes it, whatever follows its comment. Readers that go by the comment's
 * length must come to the same one.
 */
function endRecord(view: DataView, label: string): number | undefined {
  let last: number | undefined;
  for (let begin = view.byteLength - END_BYTES; begin >= 0; begin--) {
    if (view.getUint32(begin, true) !== END_SIGNATURE) continue;
    last ??= begin;
    if (begin + END_BYTES + view.getUint16(begin + 20, true) !== view.byteLength) continue;
    if (begin === last) return begin;
    throw damaged(label, "two end records could be meant");
  }
  if (last === undefined || last + END_BYTES + view.getUint16(last + 20, true) > view.byteLength)
    return undefined;
  return last;
}

function plainPlace(view: DataView, end: number): DirectoryPlace {
  return {
    entryCount: view.getUint16(end + 10, true),
    byteLength: view.getUint32(end + 12, true),
    begin: view.getUint32(end + 16, true),
  };
}

async function zip64Place(
  source: ByteSource,
  recordBegin: bigint,
  locatorBegin: number,
): Promise<DirectoryPlace> {
  const { label } = source;
  if (recordBegin + BigInt(END64_BYTES) > BigInt(locatorBegin)) {
    throw damaged(
      label,
      `the zip64 end record is said to be at byte ${recordBegin}, behind its locator`,
    );
  }
  const begin = Number(recordBegin);
  const record = await source.read(begin, END64_BYTES);
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  if (view.getUint32(0, true) !== END64_SIGNATURE)
    throw damaged(label, `no zip64 end record at byte ${begin}`);
  if (view.getBigUint64(4, true) + 12n !== BigInt(locatorBegin - begin)) {
    throw damaged(label, "the zip64 end record does not end where its locator begins");
  }
  const [entryCount, byteLength, offset] = [32, 40, 48].map((at) => view.getBigUint64(at, true));
  const limit = BigInt(source.byteLength);
  if (entryCount === undefined || byteLength === undefined || offset === undefined)
    throw damaged(label, "no numbers");
  if (entryCount > limit || byteLength > limit || offset > limit) {
    throw damaged(label, `the zip64 end record has numbers beyond the file's ${limit} bytes`);
  }
  const place = {
    entryCount: Number(entryCount),
    byteLength: Number(byteLength),
    begin: Number(offset),
  };
  return checkPlace(label, place, begin);
}

/** The directory must be directly before the record that leads to it. */
function checkPlace(label: string, place: DirectoryPlace, recordBegin: number): DirectoryPlace {
  if (place.begin + place.byteLength !== recordBegin) {
    throw damaged(
      label,
      `the zip directory is said to be at bytes ${place.begin} to ${place.begin + place.byteLength}, expected its end at ${recordBegin}`,
    );
  }
  if (place.byteLength > MAX_DIRECTORY_BYTES) {
    throw damaged(
      label,
      `the zip directory has ${place.byteLength} bytes, at most ${MAX_DIRECTORY_BYTES} are read`,
    );
  }
  return place;
}

/** Where the plain record does not defer to zip64 (all bits set), the two must agree. */
function agree(label: string, place: DirectoryPlace, plain: DirectoryPlace): void {
  const differs =
    (plain.entryCount !== 0xffff && plain.entryCount !== place.entryCount) ||
    (plain.byteLength !== 0xffffffff && plain.byteLength !== place.byteLength) ||
    (plain.begin !== 0xffffffff && plain.begin !== place.begin);
  if (differs) throw damaged(label, "the zip's two end records contradict each other");
}

function damaged(label: string, problem: string): WbError {
  return new WbError("WB3101", `${label}: ${problem}`, { details: { path: label } });
}
