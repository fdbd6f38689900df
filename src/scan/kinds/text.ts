import type { ByteSource } from "../../tensor/byte-source.ts";

/** Bytes decoded at a time. */
const WINDOW_BYTES = 2 ** 20;

/** Largest text that is looked at, in bytes; the largest tokenizer.json has 40 MB. */
export const MAX_TEXT_BYTES = 256 * 2 ** 20;

/** Bytes that decide at first sight. */
const HEAD_BYTES = 4096;

/** Characters that no text has: all below the space but tab, newlines, form feed and escape. */
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL = /[\u0000-\u0008\u000B\u000E-\u001A\u001C-\u001F]/;

/** Whether all of a file is UTF-8 without control characters. */
export async function isText(source: ByteSource): Promise<boolean> {
  if (source.byteLength > MAX_TEXT_BYTES) return false;
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for (let begin = 0; begin < source.byteLength;) {
      const length = Math.min(begin === 0 ? HEAD_BYTES : WINDOW_BYTES, source.byteLength - begin);
      const isLast = begin + length === source.byteLength;
      if (CONTROL.test(decoder.decode(await source.read(begin, length), { stream: !isLast })))
        return false;
      begin += length;
    }
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}
