import { pipeline } from "node:stream/promises";
import { createGunzip, createInflate, createInflateRaw } from "node:zlib";
import { WbError } from "../../errors/wb-error.ts";
import { memorySource } from "../../sources/file.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import type { Budget } from "../context.ts";
import {
  decodeStreams,
  decodeZipMember,
  type Decoded,
  type StreamFormat,
} from "../decode/streams.ts";

const ZLIB = { gzip: createGunzip, zlib: createInflate, deflate: createInflateRaw } as const;

type ZlibKind = keyof typeof ZLIB;

export type PackedKind = ZlibKind | StreamFormat | "zip-lzma";

/** Bytes of our own decoders count so often, since they take so much longer than Node's. */
export const SLOW = 4;

/** What a compressed stream holds. */
export interface Unpacked {
  /** All of it, or where there is a fault, what came before: a reader that goes on as bytes come has taken that by then. */
  readonly data: ByteSource;
  /** WB4003: it is larger than may be, damaged, or not the last that is there. */
  readonly fault: WbError | undefined;
}

/**
 * Unpacks a whole stream into memory, within the budget. @param length Bytes that a zip says a member has.
 * @throws WbError WB4003 where nothing of it is read.
 */
export async function unpack(
  source: ByteSource,
  kind: PackedKind,
  budget: Budget,
  length?: number,
): Promise<Unpacked> {
  const { label } = source;
  const limit = budget.streamBytes;
  const refused = (problem: string): WbError =>
    new WbError("WB4003", `${label}: its ${kind} stream ${problem}`, { details: { path: label } });
  if (limit <= 0) throw refused("is not read: the file's streams are too large in all");
  // No stream is much larger than what it holds; what does not fit as it is cannot fit unpacked.
  if (source.byteLength > limit) throw refused(`has more than ${limit} bytes`);
  const bytes = await source.read(0, source.byteLength);
  const { bytes: found, consumed, fault } = await decode(kind, bytes, limit, length);
  const weight = kind in ZLIB ? 1 : SLOW;
  budget.inflated(Math.max(found.byteLength, bytes.byteLength) * weight);
  const behind = bytes.subarray(consumed);
  const more = behind.some((byte) => byte !== 0) ? behind.byteLength : 0;
  const problem =
    fault ?? (more > 0 ? `has ${more} bytes behind it, which readers may pass over` : undefined);
  return {
    data: memorySource(found, label),
    fault: problem === undefined ? undefined : refused(problem),
  };
}

function decode(
  kind: PackedKind,
  bytes: Uint8Array,
  limit: number,
  length: number | undefined,
): Promise<Decoded> | Decoded {
  switch (kind) {
    case "gzip":
    case "zlib":
    case "deflate":
      return inflate(kind, bytes, limit);
    case "zip-lzma":
      return decodeZipMember(bytes, length, limit);
    default:
      return decodeStreams(kind, bytes, limit);
  }
}

/** Bytes of a damaged stream that are looked at once more; a payload is in the first ones. */
const LOOKED_AT_BYTES = 2 ** 15;

/** By Node's own zlib, which goes on with what follows in gzip alone. */
async function inflate(kind: ZlibKind, bytes: Uint8Array, limit: number): Promise<Decoded> {
  const parts: Uint8Array[] = [];
  let consumed = 0;
  let left = limit;
  for (;;) {
    const rest = bytes.subarray(consumed);
    const one = await inflateOne(kind, [rest], left);
    const before = [...parts];
    parts.push(...one.parts);
    left -= one.size;
    consumed += one.consumed;
    if (one.error === undefined) {
      if (kind === "zlib" && isZlib(bytes.subarray(consumed))) continue;
      return { bytes: Buffer.concat(parts), consumed, fault: undefined };
    }
    if (one.error instanceof RangeError)
      return { bytes: Buffer.concat(parts), consumed, fault: `has more than ${limit} bytes` };
    // What a call inflated before it met the damage is lost with it: byte by byte, that is nothing.
    const singly = Array.from(rest.subarray(0, LOOKED_AT_BYTES), (byte) => Uint8Array.of(byte));
    const start = await inflateOne(kind, singly, left);
    return {
      bytes: Buffer.concat(start.size > one.size ? [...before, ...start.parts] : parts),
      consumed,
      fault: "is damaged",
    };
  }
}

async function inflateOne(
  kind: ZlibKind,
  input: readonly Uint8Array[],
  limit: number,
): Promise<{
  readonly parts: readonly Uint8Array[];
  readonly size: number;
  readonly consumed: number;
  readonly error: unknown;
}> {
  const engine = ZLIB[kind]();
  const parts: Uint8Array[] = [];
  let size = 0;
  let error: unknown;
  try {
    await pipeline(input, engine, async (chunks: AsyncIterable<Uint8Array>) => {
      for await (const chunk of chunks) {
        const part = chunk.subarray(0, limit - size);
        parts.push(part);
        size += part.byteLength;
        if (part.byteLength < chunk.byteLength) throw new RangeError("too large");
      }
    });
  } catch (problem) {
    error = problem;
  }
  return { parts, size, consumed: engine.bytesWritten, error };
}

/** RFC 1950: deflate with a window of at most 32 KiB, and a check of both bytes. */
export function isZlib(head: Uint8Array): boolean {
  const [first = 0, second = 0] = head;
  return first === 0x78 && ((first << 8) | second) % 31 === 0;
}
