import type { ByteSource } from "../../tensor/byte-source.ts";
import { harmless, notUnderstood, type Judgement } from "../judgement.ts";

/** Bytes that are searched at a time, and by how much two parts overlap. */
const WINDOW_BYTES = 2 ** 20;
const OVERLAP_BYTES = 1024;

/**
 * Judges a text that is too large to be parsed: harmless where nothing in it could be read as YAML that builds objects, as a
 * template or as JSON.
 * @param suspect What some loader may act on, of at most a kibibyte.
 * @param why What a harmless one is called.
 */
export async function judgeLargeText(
  source: ByteSource,
  suspect: RegExp,
  why: string,
): Promise<Judgement> {
  const what = `a text of ${source.byteLength} bytes, of which scan parses none`;
  for (let begin = 0; begin < source.byteLength; begin += WINDOW_BYTES) {
    const length = Math.min(WINDOW_BYTES + OVERLAP_BYTES, source.byteLength - begin);
    const text = Buffer.from(await source.read(begin, length)).toString("utf8");
    if (begin === 0 && /^\s*[[{]/.test(text)) return notUnderstood(`${what}: it begins as JSON`);
    const found = suspect.exec(text)?.[0];
    if (found !== undefined) return notUnderstood(`${what}: it holds ${JSON.stringify(found)}`);
  }
  return harmless(why);
}
