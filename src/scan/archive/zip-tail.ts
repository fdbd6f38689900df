import type { ByteSource } from "../../tensor/byte-source.ts";

const END_SIGNATURE = Buffer.from("PK\u0005\u0006", "latin1");
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;

/** Whether a file ends as a zip does: a record, and a comment of the length that it says. */
export async function hasZipEnd(source: ByteSource): Promise<boolean> {
  const length = Math.min(source.byteLength, END_BYTES + MAX_COMMENT_BYTES);
  const tail = Buffer.from(await source.read(source.byteLength - length, length));
  for (
    let begin = tail.lastIndexOf(END_SIGNATURE);
    begin >= 0;
    begin = begin === 0 ? -1 : tail.lastIndexOf(END_SIGNATURE, begin - 1)
  ) {
    if (begin + END_BYTES > tail.byteLength) continue;
    if (begin + END_BYTES + tail.readUInt16LE(begin + 20) <= tail.byteLength) return true;
  }
  return false;
}
