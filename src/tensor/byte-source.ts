/**
 * Random access to bytes that are in a file, in memory or in parts of other sources. Sources never parse, and parsers
 * never do I/O of their own.
 */
export interface ByteSource {
  /** What messages call it, usually the file's path. */
  readonly label: string;
  readonly byteLength: number;
  /**
   * Exactly `byteLength` bytes from `begin`.
   * @throws WbError WB3003 when the source ends before; WB6002 when the system refuses.
   */
  read(begin: number, byteLength: number): Promise<Uint8Array>;
  /** As `read`, into a buffer of the caller's, which it fills to the end. */
  readInto(begin: number, target: Uint8Array): Promise<void>;
  /** As `readInto`, at once, where a source can: for many short reads in a row. */
  readNow?(begin: number, target: Uint8Array): void;
  /**
   * Where the bytes are when they are one plain range of a file, so that a worker thread can read them itself;
   * undefined for sources that compute their bytes.
   */
  readonly fileRange?: { readonly path: string; readonly begin: number } | undefined;
  /** The record of an archive in which all of its bytes are, where the archive has a checksum of it. */
  readonly record?: CheckedRecord | undefined;
  /** The records that its bytes come from, where they come from several. */
  readonly records?: readonly CheckedRecord[] | undefined;
}

/** A record with the CRC-32 that its archive names. */
export interface CheckedRecord {
  /** All of the record's bytes. */
  readonly source: ByteSource;
  readonly crc32: number;
  /** What messages call it. */
  readonly where: string;
}

/** Every record that a source's bytes come from. */
export function sourceRecords({ record, records = [] }: ByteSource): readonly CheckedRecord[] {
  return record === undefined ? records : [record, ...records];
}
