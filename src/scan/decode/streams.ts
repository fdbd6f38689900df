import { BZIP2_MAGIC, decodeBzip2Stream } from "./bzip2.ts";
import { Input } from "./input.ts";
import { LZ4_MAGIC, decodeLz4Frame } from "./lz4.ts";
import { decodeLzmaAlone, decodeZipLzma } from "./lzma-streams.ts";
import { DecodeFault, Output } from "./output.ts";
import { decodeXzStream, XZ_MAGIC } from "./xz.ts";
import { decodeZstdFrame, ZSTD_MAGIC } from "./zstd.ts";

/** What a decoder of ours made of some bytes. */
export interface Decoded {
  /** All of it, or what came before the fault. */
  readonly bytes: Uint8Array;
  /** Bytes of the input that the streams have. */
  readonly consumed: number;
  /** Why it ended before the streams' end. */
  readonly fault: string | undefined;
}

/** One stream of each format, and what a further one begins with; readers go on where one follows another. */
const STREAMS = {
  xz: { decode: decodeXzStream, magic: XZ_MAGIC },
  bzip2: { decode: decodeBzip2Stream, magic: BZIP2_MAGIC },
  zstd: { decode: decodeZstdFrame, magic: ZSTD_MAGIC },
  lz4: { decode: decodeLz4Frame, magic: LZ4_MAGIC },
  lzma: { decode: decodeLzmaAlone, magic: Buffer.from([0x5d, 0, 0]) },
} as const;

export type StreamFormat = keyof typeof STREAMS;

/** Magics by which files tell their format; of lzma alone, what its usual settings begin with. */
export const STREAM_MAGICS: readonly (readonly [format: StreamFormat, magic: Buffer])[] = [
  ["xz", XZ_MAGIC],
  ["bzip2", BZIP2_MAGIC],
  ["zstd", ZSTD_MAGIC],
  ["lz4", LZ4_MAGIC],
  ["lzma", STREAMS.lzma.magic],
];

/** Decodes the streams that follow one another in `bytes`. */
export function decodeStreams(format: StreamFormat, bytes: Uint8Array, limit: number): Decoded {
  const { decode, magic } = STREAMS[format];
  return decoded(bytes, limit, (input, output) => {
    do decode(input, output);
    while (input.startsWith(magic));
  });
}

/** Decodes a member of a zip that LZMA made. @param length Bytes that it has, where no mark ends it. */
export function decodeZipMember(
  bytes: Uint8Array,
  length: number | undefined,
  limit: number,
): Decoded {
  return decoded(bytes, limit, (input, output) => decodeZipLzma(input, output, length));
}

/** Runs a decoder, and keeps what it wrote before a fault. */
export function decoded(
  bytes: Uint8Array,
  limit: number,
  decode: (input: Input, output: Output) => void,
): Decoded {
  const input = new Input(bytes);
  const output = new Output(limit);
  let fault: string | undefined;
  try {
    decode(input, output);
  } catch (error) {
    if (!(error instanceof DecodeFault)) throw error;
    fault = error.message;
  }
  return { bytes: output.bytes, consumed: input.position, fault };
}

/** Whether bytes of other settings are a file of lzma alone: by their header, which says little, and to their last byte. */
export function isLzmaAlone(head: Buffer): boolean {
  if (head.byteLength < 14 || (head[0] ?? 255) >= 225 || head[13] !== 0) return false;
  const dictionary = head.readUInt32LE(1);
  const odd = dictionary / 2 ** (31 - Math.clz32(dictionary));
  const length = head.readBigUInt64LE(5);
  const isKnown = length < 2n ** 38n;
  return (
    (dictionary === 0xffffffff || odd === 1 || odd === 1.5) &&
    (isKnown || length === 2n ** 64n - 1n)
  );
}
