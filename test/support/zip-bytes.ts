import { crc32 } from "node:zlib";

/** One entry, and what to claim falsely about it. */
export interface ZipPart {
  readonly name: string;
  readonly data: Uint8Array;
  /** Fields of the directory's entry that differ from the truth. */
  readonly directory?: Partial<ZipFields>;
  /** Fields of the local header that differ from the truth. */
  readonly local?: Partial<ZipFields>;
  /** Leaves the entry out of the file's data, to let the directory lead elsewhere. */
  readonly isOnlyListed?: boolean;
  /** Leaves the entry out of the directory: readers of streams find it all the same. */
  readonly isUnlisted?: boolean;
}

interface ZipFields {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly compressed: number;
  readonly uncompressed: number;
  readonly localBegin: number;
}

/** Fields of the whole to falsify, and bytes around it. */
export interface ZipShape {
  readonly before?: Uint8Array;
  readonly after?: Uint8Array;
  readonly entryCount?: number;
  readonly directoryBegin?: number;
  readonly directoryBytes?: number;
  readonly disk?: number;
}

/** A zip of stored entries, as torch.save lays it but for the alignment. */
export function zipBytes(parts: readonly ZipPart[], shape: ZipShape = {}): Uint8Array {
  const chunks: Uint8Array[] = [];
  let position = 0;
  const put = (bytes: Uint8Array): void => {
    chunks.push(bytes);
    position += bytes.byteLength;
  };
  put(shape.before ?? new Uint8Array(0));
  const directory: Uint8Array[] = [];
  for (const part of parts) {
    const begin = position;
    if (part.isOnlyListed !== true) {
      put(localHeader(part));
      put(part.data);
    }
    if (part.isUnlisted !== true) directory.push(directoryEntry(part, begin));
  }
  const directoryBegin = position;
  for (const entry of directory) put(entry);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(shape.disk ?? 0, 4);
  end.writeUInt16LE(shape.entryCount ?? directory.length, 8);
  end.writeUInt16LE(shape.entryCount ?? directory.length, 10);
  end.writeUInt32LE(shape.directoryBytes ?? position - directoryBegin, 12);
  end.writeUInt32LE(shape.directoryBegin ?? directoryBegin, 16);
  put(end);
  put(shape.after ?? new Uint8Array(0));
  return Buffer.concat(chunks);
}

function localHeader({ name, data, local = {} }: ZipPart): Uint8Array {
  const nameBytes = Buffer.from(local.name ?? name);
  const header = Buffer.alloc(30 + nameBytes.byteLength);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(local.flags ?? 0x800, 6);
  header.writeUInt16LE(local.method ?? 0, 8);
  header.writeUInt32LE(crc32(data), 14);
  header.writeUInt32LE(local.compressed ?? data.byteLength, 18);
  header.writeUInt32LE(local.uncompressed ?? data.byteLength, 22);
  header.writeUInt16LE(nameBytes.byteLength, 26);
  nameBytes.copy(header, 30);
  return header;
}

function directoryEntry({ name, data, directory = {} }: ZipPart, begin: number): Uint8Array {
  const nameBytes = Buffer.from(directory.name ?? name);
  const entry = Buffer.alloc(46 + nameBytes.byteLength);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt16LE(directory.flags ?? 0x800, 8);
  entry.writeUInt16LE(directory.method ?? 0, 10);
  entry.writeUInt32LE(crc32(data), 16);
  entry.writeUInt32LE(directory.compressed ?? data.byteLength, 20);
  entry.writeUInt32LE(directory.uncompressed ?? data.byteLength, 24);
  entry.writeUInt16LE(nameBytes.byteLength, 28);
  entry.writeUInt32LE(directory.localBegin ?? begin, 42);
  nameBytes.copy(entry, 46);
  return entry;
}
