import { sliceSource } from "../../sources/file.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";

const END_SIGNATURE = Buffer.from("PK\u0005\u0006", "latin1");
const ENTRY_SIGNATURE = Buffer.from("PK\u0001\u0002", "latin1");
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const MAX_U32 = 0xffffffff;

/**
 * The zip that a file holds behind whatever it begins with, from the byte on that its offsets count from: Python's zipfile counts
 * from where the directory would have to be, torch's reader from the file's beginning. Undefined where no end record leads to a
 * directory.
 */
export async function zipBehind(source: ByteSource): Promise<ByteSource | undefined> {
  const length = Math.min(source.byteLength, END_BYTES + MAX_COMMENT_BYTES);
  const tailBegin = source.byteLength - length;
  const tail = Buffer.from(await source.read(tailBegin, length));
  for (let at = tail.lastIndexOf(END_SIGNATURE); at >= 0; at = before(tail, at)) {
    if (at + END_BYTES > tail.byteLength) continue;
    const size = tail.readUInt32LE(at + 12);
    const offset = tail.readUInt32LE(at + 16);
    // What does not fit into 32 bits stands in another record, which the zip's own reader looks for.
    if (size === MAX_U32 || offset === MAX_U32) return source;
    const directory = tailBegin + at - size;
    const begin = directory - offset;
    if (begin >= 0 && (await isDirectory(source, directory)))
      return sliceSource(source, begin, source.byteLength - begin, source.label);
    if (await isDirectory(source, offset)) return source;
  }
  return undefined;
}

function before(tail: Buffer, at: number): number {
  return at === 0 ? -1 : tail.lastIndexOf(END_SIGNATURE, at - 1);
}

async function isDirectory(source: ByteSource, begin: number): Promise<boolean> {
  if (begin < 0 || begin + ENTRY_SIGNATURE.byteLength > source.byteLength) return false;
  return ENTRY_SIGNATURE.equals(await source.read(begin, ENTRY_SIGNATURE.byteLength));
}
