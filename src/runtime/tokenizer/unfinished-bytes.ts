import { expectedUtf8Bytes } from "./decode-pieces.ts";

/** Most bytes that a UTF-8 character can lack. */
const MAX_PENDING_BYTES = 3;

/**
 * Number of trailing ids to hold back, so that those before them end with a whole UTF-8 character.
 * @param bytesOf Bytes of an id that may hold part of a character; undefined for an id that holds whole ones only.
 */
export function unfinishedIds(
  ids: readonly number[],
  bytesOf: (id: number) => Uint8Array | undefined,
): number {
  let held = 0;
  // An id that is held back may have ended the character of the one before it.
  for (;;) {
    const more = lastUnfinished(ids, ids.length - held, bytesOf);
    if (more === 0) return held;
    held += more;
  }
}

/** Number of the ids before `end` that begin a character without ending it. */
function lastUnfinished(
  ids: readonly number[],
  end: number,
  bytesOf: (id: number) => Uint8Array | undefined,
): number {
  let behind = 0;
  for (let back = 1; back <= end; back++) {
    const bytes = bytesOf(ids[end - back] ?? -1);
    if (bytes === undefined) return 0;
    for (let index = bytes.byteLength - 1; index >= 0; index--) {
      const byte = bytes[index] ?? 0;
      behind++;
      if ((byte & 0xc0) !== 0x80) return expectedUtf8Bytes(byte) > behind ? back : 0;
      if (behind >= MAX_PENDING_BYTES) return 0;
    }
  }
  return 0;
}
