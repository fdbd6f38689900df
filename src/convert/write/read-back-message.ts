/** Bytes of a read when a written file is looked at again. */
export const READ_BYTES = 2 ** 18;

/** A range of a file that a worker shall read. */
export interface Range {
  readonly id: number;
  readonly begin: number;
  readonly end: number;
  readonly needsCrc32: boolean;
}

/** What a worker found in a range. */
export type Digest =
  | { readonly id: number; readonly sha256: string; readonly crc32: number }
  | { readonly id: number; readonly failure: string };

/** A message as a range; anything else tells the worker to end. */
export function toRange(message: unknown): Range | undefined {
  if (typeof message !== "object" || message === null) return undefined;
  if (!("id" in message && "begin" in message && "end" in message)) return undefined;
  const { id, begin, end } = message;
  if (typeof id !== "number" || typeof begin !== "number" || typeof end !== "number") {
    return undefined;
  }
  return { id, begin, end, needsCrc32: "needsCrc32" in message && message.needsCrc32 === true };
}

/** A message as a digest. */
export function toDigest(message: unknown): Digest | undefined {
  if (typeof message !== "object" || message === null || !("id" in message)) return undefined;
  const { id } = message;
  if (typeof id !== "number") return undefined;
  if ("failure" in message) return { id, failure: String(message.failure) };
  if (!("sha256" in message && "crc32" in message)) return undefined;
  return { id, sha256: String(message.sha256), crc32: Number(message.crc32) };
}
