/** A file beside this one that HDF5's library opens by itself when the data is read. */
export interface OtherFile {
  /** What in the file names it. */
  readonly how: string;
  /** As it is written; undefined where it is not read. */
  readonly name: string | undefined;
}

/** Where addresses count from, and how many bytes they have (HDF5 file format 3.0, II.A). */
interface Frame {
  readonly base: number;
  readonly offsetBytes: number;
}

const HEAP = Buffer.from("HEAP", "latin1");
const COLLECTION = Buffer.from("GCOL", "latin1");
const FRACTAL_HEAP = Buffer.from("FRHP\0", "latin1");

/** Widths of addresses that the format allows. */
const WIDTHS: ReadonlySet<number> = new Set([2, 4, 8]);

/**
 * Everything in the bytes of an HDF5 file that makes its library open another file: external links (IV.A.2.g), external storage
 * (IV.A.2.h), virtual data sets (IV.A.2.i, class 3). Searched for by the form of each message, wherever it stands; heaps whose
 * links are compressed hide theirs, and are told as such.
 * @param base Byte of the format's mark.
 */
export function otherFilesIn(bytes: Buffer, base: number): readonly OtherFile[] {
  const version = bytes[base + 8] ?? 0;
  const offsetBytes = bytes[base + (version < 2 ? 13 : 9)] ?? 0;
  if (!WIDTHS.has(offsetBytes)) return [];
  const frame = { base, offsetBytes };
  return [
    ...placesOf(bytes, 0x40, (at) => externalLink(bytes, at)),
    ...placesOf(bytes, 0x03, (at) => virtualSet(bytes, at, frame)),
    ...heapsOf(bytes, frame),
    ...packedHeaps(bytes),
  ];
}

/** Files that are told of; one is enough. */
const MAX_FILES = 100;

function placesOf(
  bytes: Buffer,
  mark: number,
  read: (at: number) => OtherFile | undefined,
): readonly OtherFile[] {
  const found: OtherFile[] = [];
  for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + 1)) {
    const file = read(at);
    if (file !== undefined && found.push(file) >= MAX_FILES) break;
  }
  return found;
}

/**
 * A link message of version 1 and type 64: flags, [order], [character set], the name behind its length, and two texts of the link.
 * @param at Byte of the type.
 */
function externalLink(bytes: Buffer, at: number): OtherFile | undefined {
  const flags = bytes[at - 1] ?? 0;
  if (bytes[at - 2] !== 1 || flags < 0x08 || flags > 0x1f) return undefined;
  const order = (flags & 4) === 0 ? 0 : 8;
  const lengthAt = at + 1 + order + ((flags & 16) === 0 ? 0 : 1);
  const lengthBytes = 1 << (flags & 3);
  if (lengthAt + lengthBytes > bytes.byteLength) return undefined;
  const nameBegin = lengthAt + lengthBytes;
  const dataAt = nameBegin + bytes.readUIntLE(lengthAt, Math.min(6, lengthBytes));
  if (dataAt === nameBegin || dataAt + 3 > bytes.byteLength) return undefined;
  const data = bytes.subarray(dataAt + 2, dataAt + 2 + bytes.readUInt16LE(dataAt));
  const fileEnd = data.indexOf(0, 1);
  const objectEnd = data.indexOf(0, fileEnd + 1);
  if (data[0] !== 0 || fileEnd <= 1 || objectEnd < 0) return undefined;
  if (bytes.subarray(nameBegin, dataAt).includes(0)) return undefined;
  const [file, object] = [data.subarray(1, fileEnd), data.subarray(fileEnd + 1, objectEnd)];
  // In numbers such bytes stand by chance; texts do not.
  if (!isPrintable(file) || !isPrintable(object)) return undefined;
  return { how: "an external link", name: file.toString("utf8") };
}

function isPrintable(bytes: Buffer): boolean {
  return bytes.every((byte) => byte >= 0x20 && byte !== 0x7f);
}

/** A layout of version 4 or later and class 3, whose sources are in a global heap. */
function virtualSet(bytes: Buffer, at: number, frame: Frame): OtherFile | undefined {
  const version = bytes[at - 1] ?? 0;
  if (version < 4 || version > 15 || !pointsTo(bytes, at + 1, frame, COLLECTION)) return undefined;
  return { how: "a virtual data set", name: undefined };
}

/** External storage: version, reserved bytes, slots that are there and used, and the heap of the names. */
function heapsOf(bytes: Buffer, frame: Frame): readonly OtherFile[] {
  if (!bytes.includes(HEAP)) return [];
  return placesOf(bytes, 1, (at) => {
    if (at + 8 + frame.offsetBytes > bytes.byteLength) return undefined;
    const [slots, used] = [bytes.readUInt16LE(at + 4), bytes.readUInt16LE(at + 6)];
    // A group's own table has an address in these bytes, whose upper half is 0.
    if (used === 0 || used > slots || !pointsTo(bytes, at + 8, frame, HEAP)) return undefined;
    return { how: "external storage", name: undefined };
  });
}

function pointsTo(bytes: Buffer, at: number, { base, offsetBytes }: Frame, mark: Buffer): boolean {
  if (at + offsetBytes > bytes.byteLength) return false;
  // The two highest bytes of eight are 0 in any file that is held in memory.
  if (offsetBytes === 8 && bytes.readUInt16LE(at + 6) !== 0) return false;
  const begin = base + bytes.readUIntLE(at, Math.min(6, offsetBytes));
  return bytes.subarray(begin, begin + mark.byteLength).equals(mark);
}

/** A fractal heap whose objects, links and attributes, go through filters: the length of what says so is not 0 (III.G). */
function packedHeaps(bytes: Buffer): readonly OtherFile[] {
  for (let at = bytes.indexOf(FRACTAL_HEAP); at >= 0; at = bytes.indexOf(FRACTAL_HEAP, at + 1)) {
    if (at + 9 <= bytes.byteLength && bytes.readUInt16LE(at + 7) !== 0)
      return [{ how: "links or attributes that are compressed", name: undefined }];
  }
  return [];
}
