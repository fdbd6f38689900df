import { crc32 } from "node:zlib";
import {
  segmentBytes,
  type PlannedTensor,
  type Segment,
  type WrittenTensors,
} from "../file-plan.ts";

/** Records begin at multiples of this, so that torch can map them. */
const ALIGNMENT = 64;
const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
/** PKWARE APPNOTE 6.3.10, 4.4.3: version 4.5, the first with zip64. */
const VERSION = 45;
/** Bit 3: sizes and checksum follow the data; bit 11: names are UTF-8. */
const FLAGS = 0x808;
/** What torch's writer pads with: an extra field "FB". */
const PADDING_ID = 0x4246;
const ZIP64_ID = 0x0001;
const MAX_U32 = 0xffffffff;
const MAX_U16 = 0xffff;

interface Entry {
  readonly name: Buffer;
  readonly offset: number;
  readonly byteLength: number;
  crc(written: WrittenTensors): number;
}

/**
 * A stored zip, planned before it is written: every length is known, only the checksums come with the data. They stand in data
 * descriptors behind the records and in the directory, as torch writes them.
 */
export class ZipPlan<T extends PlannedTensor> {
  readonly #folder: string;
  readonly #segments: Segment<T>[] = [];
  readonly #entries: Entry[] = [];
  #position = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** A record whose bytes are known. */
  bytes(name: string, bytes: Uint8Array): void {
    const checksum = crc32(bytes);
    this.#record(name, { kind: "bytes", bytes }, () => checksum);
  }

  tensor(name: string, tensor: T): void {
    this.#record(name, { kind: "tensor", tensor }, (written) => written.crc32(tensor.name));
  }

  /** All segments, the directory included. */
  finish(): readonly Segment<T>[] {
    const begin = this.#position;
    const entries = [...this.#entries];
    const byteLength = entries.reduce((sum, entry) => sum + centralBytes(entry), 0);
    this.#push({
      kind: "computed",
      byteLength,
      compute: (written) =>
        Buffer.concat(entries.map((entry) => centralEntry(entry, entry.crc(written)))),
    });
    this.#push({ kind: "bytes", bytes: endRecords(entries.length, begin, byteLength) });
    return this.#segments;
  }

  #record(name: string, data: Segment<T>, crc: Entry["crc"]): void {
    const nameBytes = Buffer.from(`${this.#folder}/${name}`, "utf8");
    const offset = this.#position;
    this.#push({ kind: "bytes", bytes: localHeader(nameBytes, offset) });
    this.#push(data);
    const byteLength = segmentBytes(data);
    const isWide = byteLength >= MAX_U32;
    this.#push({
      kind: "computed",
      byteLength: isWide ? 24 : 16,
      compute: (written) => descriptor(crc(written), byteLength, isWide),
    });
    this.#entries.push({ name: nameBytes, offset, byteLength, crc });
  }

  #push(segment: Segment<T>): void {
    this.#segments.push(segment);
    this.#position += segmentBytes(segment);
  }
}

/** Checksum and sizes are 0 here; the extra field makes the data begin at a multiple of 64. */
function localHeader(name: Buffer, offset: number): Uint8Array {
  const unpadded = offset + LOCAL_BYTES + name.byteLength + 4;
  const padding = (ALIGNMENT - (unpadded % ALIGNMENT)) % ALIGNMENT;
  const header = Buffer.alloc(LOCAL_BYTES);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(VERSION, 4);
  header.writeUInt16LE(FLAGS, 6);
  writeDosEpoch(header, 10);
  header.writeUInt16LE(name.byteLength, 26);
  header.writeUInt16LE(padding + 4, 28);
  const extra = Buffer.alloc(4 + padding, "Z");
  extra.writeUInt16LE(PADDING_ID, 0);
  extra.writeUInt16LE(padding, 2);
  return Buffer.concat([header, name, extra]);
}

/** 1 January 1980, the earliest time that a zip can name: files must not depend on the clock. */
function writeDosEpoch(header: Buffer, at: number): void {
  header.writeUInt16LE(0, at);
  header.writeUInt16LE((1 << 5) | 1, at + 2);
}

function descriptor(crc: number, byteLength: number, isWide: boolean): Uint8Array {
  const bytes = Buffer.alloc(isWide ? 24 : 16);
  bytes.writeUInt32LE(0x08074b50, 0);
  bytes.writeUInt32LE(crc, 4);
  if (isWide) {
    bytes.writeBigUInt64LE(BigInt(byteLength), 8);
    bytes.writeBigUInt64LE(BigInt(byteLength), 16);
  } else {
    bytes.writeUInt32LE(byteLength, 8);
    bytes.writeUInt32LE(byteLength, 12);
  }
  return bytes;
}

/** The 64-bit numbers that an entry needs: both sizes when they are large, the offset when it is. */
function wideNumbers({ byteLength, offset }: Entry): readonly number[] {
  const sizes = byteLength >= MAX_U32 ? [byteLength, byteLength] : [];
  return offset >= MAX_U32 ? [...sizes, offset] : sizes;
}

function centralBytes(entry: Entry): number {
  const wide = wideNumbers(entry).length;
  return CENTRAL_BYTES + entry.name.byteLength + (wide === 0 ? 0 : 4 + 8 * wide);
}

function centralEntry(entry: Entry, crc: number): Uint8Array {
  const wide = wideNumbers(entry);
  const extra = Buffer.alloc(wide.length === 0 ? 0 : 4 + 8 * wide.length);
  if (wide.length > 0) {
    extra.writeUInt16LE(ZIP64_ID, 0);
    extra.writeUInt16LE(8 * wide.length, 2);
    for (const [index, value] of wide.entries())
      extra.writeBigUInt64LE(BigInt(value), 4 + 8 * index);
  }
  const header = Buffer.alloc(CENTRAL_BYTES);
  header.writeUInt32LE(0x02014b50, 0);
  header.writeUInt16LE(VERSION, 4);
  header.writeUInt16LE(VERSION, 6);
  header.writeUInt16LE(FLAGS, 8);
  writeDosEpoch(header, 12);
  header.writeUInt32LE(crc, 16);
  header.writeUInt32LE(Math.min(entry.byteLength, MAX_U32), 20);
  header.writeUInt32LE(Math.min(entry.byteLength, MAX_U32), 24);
  header.writeUInt16LE(entry.name.byteLength, 28);
  header.writeUInt16LE(extra.byteLength, 30);
  header.writeUInt32LE(Math.min(entry.offset, MAX_U32), 42);
  return Buffer.concat([header, entry.name, extra]);
}

/** Zip64 record and locator, always as torch does, and the plain end record. */
function endRecords(count: number, begin: number, byteLength: number): Uint8Array {
  const wide = Buffer.alloc(56);
  wide.writeUInt32LE(0x06064b50, 0);
  wide.writeBigUInt64LE(44n, 4);
  wide.writeUInt16LE(VERSION, 12);
  wide.writeUInt16LE(VERSION, 14);
  wide.writeBigUInt64LE(BigInt(count), 24);
  wide.writeBigUInt64LE(BigInt(count), 32);
  wide.writeBigUInt64LE(BigInt(byteLength), 40);
  wide.writeBigUInt64LE(BigInt(begin), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(BigInt(begin + byteLength), 8);
  locator.writeUInt32LE(1, 16);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Math.min(count, MAX_U16), 8);
  end.writeUInt16LE(Math.min(count, MAX_U16), 10);
  end.writeUInt32LE(Math.min(byteLength, MAX_U32), 12);
  end.writeUInt32LE(Math.min(begin, MAX_U32), 16);
  return Buffer.concat([wide, locator, end]);
}
