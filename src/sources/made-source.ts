import type { ByteSource } from "../tensor/byte-source.ts";
import { checkRange, readNew } from "./file.ts";

/** What is told of bytes that are made as they are read. */
export type MadeFacts = Pick<ByteSource, "label" | "byteLength" | "record" | "records">;

/**
 * Bytes that are made as they are read.
 * @param fill Makes the bytes from `begin` on, as many as the target holds; asked for nothing outside of the source.
 */
export function madeSource(
  facts: MadeFacts,
  fill: (begin: number, target: Uint8Array) => Promise<void>,
): ByteSource {
  const { label, byteLength } = facts;
  const source: ByteSource = {
    ...facts,
    read: (begin, length) => readNew(source, begin, length),
    readInto: async (begin, target) => {
      checkRange(label, byteLength, begin, target.byteLength);
      await fill(begin, target);
    },
  };
  return source;
}
