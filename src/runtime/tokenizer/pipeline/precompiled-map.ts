import { WbError } from "../../../errors/wb-error.ts";
import type { JsonPart } from "./json-part.ts";

/** Longest cluster that is looked up whole, in bytes of UTF-8. */
const MAX_CLUSTER_BYTES = 5;

/** Largest map that is read, in bytes; SentencePiece's largest, nmt_nfkc_cf, has 300 kB. */
const MAX_MAP_BYTES = 16 * 2 ** 20;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const clusters = new Intl.Segmenter("und", { granularity: "grapheme" });

/**
 * SentencePiece's own normalisation, compiled: a double array (Yata et al. 2007) of byte strings and what replaces them. As
 * `tokenizers` applies it: a cluster of at most 5 bytes is looked up whole, else each of its characters; of several prefixes in
 * the map the shortest counts, and the whole cluster is replaced by what that one is.
 * @throws WbError WB3802.
 */
export function precompiledMap(part: JsonPart): (text: string) => string {
  const bytes = readMap(part);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const trieBytes = bytes.byteLength < 4 ? Number.POSITIVE_INFINITY : view.getUint32(0, true);
  if (trieBytes % 4 !== 0 || 4 + trieBytes > bytes.byteLength) throw damaged(part, "its length");
  const units = Array.from({ length: trieBytes / 4 }, (_, index) =>
    view.getUint32(4 + 4 * index, true),
  );
  const replacements = bytes.subarray(4 + trieBytes);
  const replacementAt = (begin: number): string => {
    const end = replacements.indexOf(0, begin);
    return utf8.decode(replacements.subarray(begin, end < 0 ? undefined : end));
  };
  const transformed = (chunk: Uint8Array): string | undefined => {
    const begin = shortestPrefix(units, chunk);
    return begin === undefined ? undefined : replacementAt(begin);
  };
  checkReplacements(part, replacements);
  return (text) => normalised(text, transformed);
}

function normalised(text: string, transformed: (chunk: Uint8Array) => string | undefined): string {
  let result = "";
  for (const { segment } of clusters.segment(text)) {
    const bytes = encoder.encode(segment);
    const whole = bytes.byteLength <= MAX_CLUSTER_BYTES ? transformed(bytes) : undefined;
    if (whole !== undefined) {
      result += whole;
      continue;
    }
    for (const character of segment) result += transformed(encoder.encode(character)) ?? character;
  }
  return result;
}

/** The value of the shortest key that `chunk` begins with. */
function shortestPrefix(units: readonly number[], chunk: Uint8Array): number | undefined {
  let position = offsetOf(units[0] ?? 0);
  for (const byte of chunk) {
    if (byte === 0) return undefined;
    position ^= byte;
    const unit = units[position];
    if (unit === undefined || labelOf(unit) !== byte) return undefined;
    position ^= offsetOf(unit);
    if (((unit >>> 8) & 1) === 1) return (units[position] ?? 0) & 0x7fff_ffff;
  }
  return undefined;
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

/** A unit with the highest bit set is a value and has no label. */
function labelOf(unit: number): number {
  return (unit & 0x8000_00ff) >>> 0;
}

function readMap(part: JsonPart): Uint8Array {
  const text = part.text("precompiled_charsmap");
  if (text.length > (MAX_MAP_BYTES / 3) * 4) throw damaged(part, "its length");
  return Buffer.from(text, "base64");
}

function checkReplacements(part: JsonPart, replacements: Uint8Array): void {
  try {
    utf8.decode(replacements);
  } catch (error) {
    throw damaged(part, "a text that is not UTF-8", error);
  }
}

function damaged({ file, at }: JsonPart, what: string, cause?: unknown): WbError {
  return new WbError(
    "WB3802",
    `${file}: ${at}.precompiled_charsmap: expected a map as SentencePiece compiles it, but it has not: ${what}`,
    { details: { path: file }, cause },
  );
}
