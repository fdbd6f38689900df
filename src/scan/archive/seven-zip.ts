import { crc32, inflateRawSync } from "node:zlib";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { decodeBzip2Stream } from "../decode/bzip2.ts";
import { undoDelta, undoX86 } from "../decode/filters.ts";
import { Input, toLength } from "../decode/input.ts";
import { lzmaProperties } from "../decode/lzma.ts";
import { decodeLzma, decodeLzma2 } from "../decode/lzma-streams.ts";
import { DecodeFault, type Output } from "../decode/output.ts";
import { decoded, type Decoded } from "../decode/streams.ts";
import { lzma2DictionaryBytes } from "../decode/xz.ts";
import { decodeZstdFrame } from "../decode/zstd.ts";
import {
  parseSevenHeader,
  parseStreams,
  type SevenCoder,
  type SevenFolder,
  type SevenHeader,
} from "./seven-zip-header.ts";

export const SEVEN_ZIP_MAGIC = Buffer.from([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]);

/** Bytes before the packed ones: mark, version, and where the header is. */
const START_BYTES = 32;

/** Largest header, packed or not: some hundred bytes a file. */
const MAX_HEADER_BYTES = 16 * 2 ** 20;

const HEADER = 1;
const PACKED_HEADER = 23;

/** Headers of headers; writers pack once. */
const MAX_PACKINGS = 4;

/** Reads what an archive of 7-Zip says of its members. @throws DecodeFault where that breaks the format. */
export async function readSevenZip(source: ByteSource): Promise<SevenHeader> {
  if (source.byteLength < START_BYTES) throw new DecodeFault("ends too early");
  const start = new Input(await source.read(0, START_BYTES), 8);
  const crc = start.u32();
  if (crc !== crc32(start.bytes.subarray(12)))
    throw new DecodeFault("is damaged: its start has another checksum");
  const begin = START_BYTES + toLength(start.u64(), "a header behind");
  const size = toLength(start.u64(), "a header");
  const headerCrc = start.u32();
  if (size === 0) return { folders: [], names: [] };
  if (begin + size !== source.byteLength) throw new DecodeFault("does not end with its header");
  let bytes = await readPart(source, begin, size);
  if (headerCrc !== crc32(bytes))
    throw new DecodeFault("is damaged: its header has another checksum");
  for (let packings = 0; packings <= MAX_PACKINGS; packings++) {
    const input = new Input(bytes);
    const kind = input.byte();
    if (kind === HEADER) return parseSevenHeader(input);
    const [folder] = kind === PACKED_HEADER ? parseStreams(input) : [];
    if (folder === undefined) throw new DecodeFault("is damaged: its header is none");
    const { bytes: unpacked, fault } = await unpackFolder(source, folder, MAX_HEADER_BYTES);
    if (fault !== undefined) throw new DecodeFault(`has a header that ${fault}`);
    bytes = unpacked;
  }
  throw new DecodeFault("has a header that is packed too often");
}

async function readPart(source: ByteSource, begin: number, size: number): Promise<Uint8Array> {
  if (size > MAX_HEADER_BYTES)
    throw new DecodeFault(`has more than ${MAX_HEADER_BYTES} bytes of header`);
  return source.read(begin, size);
}

/** The bytes of a folder, by all its coders; what came before a fault, where there is one. */
export async function unpackFolder(
  source: ByteSource,
  { begin, packedBytes, coders, crc }: SevenFolder,
  limit: number,
): Promise<Decoded> {
  const from = START_BYTES + begin;
  if (from + packedBytes > source.byteLength || packedBytes > limit)
    return { bytes: new Uint8Array(0), consumed: 0, fault: "is packed in more bytes than may be" };
  let bytes = await source.read(from, packedBytes);
  let fault: string | undefined;
  for (const coder of coders) {
    const { unpackedBytes } = coder;
    const made = decoded(bytes, Math.min(limit, unpackedBytes), (input, output) =>
      decode(coder, input, output),
    );
    bytes = made.bytes;
    fault ??= made.fault;
    if (bytes.byteLength !== unpackedBytes) fault ??= "is damaged: it has another length";
  }
  if (crc !== undefined && crc32(bytes) !== crc) fault ??= "is damaged: it has another checksum";
  return { bytes, consumed: packedBytes, fault };
}

/** The methods that are undone, by their numbers (Methods.txt of the LZMA SDK). */
function decode(
  { method, properties, unpackedBytes }: SevenCoder,
  input: Input,
  output: Output,
): void {
  switch (method) {
    case "00":
      return output.append(input.take(input.left));
    case "21":
      return decodeLzma2(input, output, lzma2DictionaryBytes(properties[0] ?? 0));
    case "030101": {
      const fields = new Input(properties);
      const kind = lzmaProperties(fields.byte());
      return decodeLzma(input, output, kind, fields.u32(), unpackedBytes);
    }
    case "03":
    case "04":
    case "03030103":
      output.append(input.take(input.left));
      return method === "03"
        ? undoDelta(output.bytes, (properties[0] ?? 0) + 1)
        : undoX86(output.bytes);
    case "040108":
      return output.append(inflated(input.take(input.left), unpackedBytes));
    case "040202":
      return decodeBzip2Stream(input, output);
    case "04f71101":
      return decodeZstdFrame(input, output);
    case "06f10701":
      throw new DecodeFault("is encrypted");
    default:
      throw new DecodeFault(`is packed by method ${method}, which scan does not read`);
  }
}

function inflated(bytes: Uint8Array, maxOutputLength: number): Uint8Array {
  try {
    return inflateRawSync(bytes, { maxOutputLength: Math.max(1, maxOutputLength) });
  } catch {
    throw new DecodeFault("is damaged: its deflated bytes");
  }
}
