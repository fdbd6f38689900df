import { createHash } from "node:crypto";
import type { ByteSource } from "../tensor/byte-source.ts";

/** Bytes that are read at a time. */
const PIECE_BYTES = 2 ** 20;

/** SHA-256 of all bytes of a source, in hexadecimal; read in pieces. */
export async function sourceDigest(source: ByteSource, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  const { byteLength } = source;
  for (let at = 0; at < byteLength; at += PIECE_BYTES) {
    signal?.throwIfAborted();
    hash.update(await source.read(at, Math.min(PIECE_BYTES, byteLength - at)));
  }
  return hash.digest("hex");
}
