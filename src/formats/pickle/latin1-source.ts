import { WbError } from "../../errors/wb-error.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import type { PickleText } from "./value.ts";
import { sliceSource } from "../../sources/file.ts";
import { madeSource } from "../../sources/made-source.ts";

/** UTF-8 bytes decoded at a time. */
const WINDOW_BYTES = 256 * 1024;

/** Decoded bytes between two remembered places: at most this much is decoded again for a read anywhere. */
const MARK_BYTES = 2 ** 20;

interface Mark {
  readonly decoded: number;
  readonly encoded: number;
}

/**
 * Bytes that protocol 2 stores as text: each byte is the character of its number, written as UTF-8, so that those from
 * 0x80 on take two. Decoded as it is read; places already passed are remembered in steps of `MARK_BYTES`, so that reading
 * front to back costs one pass and jumping back little.
 * @param byteLength Bytes that the text must decode to, which its array's shape tells.
 */
export function latin1Source(text: PickleText, byteLength: number, label: string): ByteSource {
  const utf8 = sliceSource(text.parent, text.begin, text.byteLength, label);
  const marks: Mark[] = [{ decoded: 0, encoded: 0 }];
  return madeSource({ label, byteLength }, async (begin, target) => {
    const start = marks.findLast(({ decoded }) => decoded <= begin) ?? { decoded: 0, encoded: 0 };
    const end = await decodeRange(utf8, start, begin, target, marks);
    if (begin + target.byteLength === byteLength && end !== utf8.byteLength) {
      throw wrongSize(label, `more than ${byteLength}`, byteLength);
    }
  });
}

/** Decodes from a mark on, fills `target` with the decoded bytes from `begin`, and gives the place in the text after it. */
async function decodeRange(
  utf8: ByteSource,
  start: Mark,
  begin: number,
  target: Uint8Array,
  marks: Mark[],
): Promise<number> {
  let { decoded, encoded } = start;
  const end = begin + target.byteLength;
  while (decoded < end) {
    if (encoded >= utf8.byteLength) throw wrongSize(utf8.label, String(decoded), end);
    const window = await utf8.read(encoded, Math.min(WINDOW_BYTES, utf8.byteLength - encoded));
    let index = 0;
    while (index < window.byteLength && decoded < end) {
      const lead = window[index] ?? 0;
      const width = lead < 0x80 ? 1 : 2;
      if (index + width > window.byteLength) break;
      if (decoded >= begin)
        target[decoded - begin] = decodeByte(window, index, utf8.label, encoded);
      index += width;
      decoded++;
      const last = marks.at(-1);
      if (last !== undefined && decoded === last.decoded + MARK_BYTES)
        marks.push({ decoded, encoded: encoded + index });
    }
    if (index === 0) throw notLatin1(utf8.label, encoded);
    encoded += index;
  }
  return encoded;
}

function decodeByte(window: Uint8Array, index: number, label: string, base: number): number {
  const lead = window[index] ?? 0;
  if (lead < 0x80) return lead;
  const next = window[index + 1] ?? 0;
  // U+0080–U+00FF are C2 80 to C3 BF.
  if ((lead === 0xc2 || lead === 0xc3) && (next & 0xc0) === 0x80)
    return ((lead & 3) << 6) | (next & 0x3f);
  throw notLatin1(label, base + index);
}

function notLatin1(label: string, offset: number): WbError {
  return new WbError(
    "WB3402",
    `${label}: its data is text with a character beyond U+00FF, ${offset} bytes into it`,
    { details: { where: label } },
  );
}

function wrongSize(label: string, found: string, expected: number): WbError {
  return new WbError(
    "WB3403",
    `${label}: its data decodes to ${found} bytes, expected ${expected}`,
    { details: { where: label } },
  );
}
