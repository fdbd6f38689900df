import { WbError } from "../../errors/wb-error.ts";
import type { Piece, SentencePieceModel } from "./sentencepiece-model.ts";

/** SentencePiece's mark for a space. */
export const SPACE_SYMBOL = "\u2581";

/** The byte that a byte piece (`<0x41>`) stands for, else undefined. */
export function byteOfPiece(piece: Piece | undefined): number | undefined {
  if (piece?.type !== "byte") return undefined;
  const hex = /^<0x([0-9A-F]{2})>$/.exec(piece.text)?.[1];
  return hex === undefined ? undefined : Number.parseInt(hex, 16);
}

export interface DecodePiecesOptions {
  /** Whether the one leading space that stands for the dummy prefix is dropped; as the model says when left out. */
  readonly dropsLeadingSpace?: boolean;
  /** Takes a space from the first piece before SentencePiece sees it, as LlamaTokenizer does. */
  readonly cutsFirst?: boolean;
}

/**
 * Ids to text as SentencePiece decodes them (google/sentencepiece v0.2.0, src/sentencepiece_processor.cc, `Decode`):
 * control pieces vanish, the unknown piece becomes its surface, runs of byte pieces are read as UTF-8 with one U+FFFD
 * per bad byte, and one leading space is dropped where the model adds a dummy prefix.
 * @throws WbError WB3804 for an id outside the model.
 */
export function decodePieces(
  ids: readonly number[],
  model: SentencePieceModel,
  {
    dropsLeadingSpace = model.addDummyPrefix || model.removeExtraWhitespaces,
    cutsFirst = false,
  }: DecodePiecesOptions = {},
): string {
  let text = "";
  let atBegin = true;
  let run: number[] = [];
  for (const [index, id] of ids.entries()) {
    const piece = model.pieces[id];
    if (piece === undefined) {
      throw new WbError(
        "WB3804",
        `token id ${id}: the tokenizer has ids 0 to ${model.pieces.length - 1}`,
        { details: { id, vocabSize: model.pieces.length } },
      );
    }
    const byte = byteOfPiece(piece);
    if (byte !== undefined) {
      run.push(byte);
      continue;
    }
    text += decodeUtf8Run(run);
    run = [];
    if (text !== "") atBegin = false;
    if (piece.type === "control") continue;
    if (piece.type === "unknown") {
      text += model.unkSurface;
      continue;
    }
    let surface = piece.text;
    if (cutsFirst && index === 0 && surface.startsWith(SPACE_SYMBOL)) {
      surface = surface.slice(SPACE_SYMBOL.length);
      if (!model.idOfPiece.has(surface)) {
        // What is no piece is given back as it is.
        text += surface;
        continue;
      }
    }
    if (atBegin && dropsLeadingSpace && surface.startsWith(SPACE_SYMBOL)) {
      surface = surface.slice(SPACE_SYMBOL.length);
      // Where runs of spaces were removed in training, all leading ones go; else only the dummy prefix itself.
      if (!model.removeExtraWhitespaces) atBegin = false;
    }
    text += surface.replaceAll(SPACE_SYMBOL, " ");
  }
  return text + decodeUtf8Run(run);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes as UTF-8; each byte that begins no valid character becomes one U+FFFD (TextDecoder would join some). */
function decodeUtf8Run(bytes: readonly number[]): string {
  let text = "";
  let index = 0;
  while (index < bytes.length) {
    const length = characterBytes(bytes, index);
    text +=
      length === 0 ? "\uFFFD" : utf8.decode(Uint8Array.from(bytes.slice(index, index + length)));
    index += Math.max(1, length);
  }
  return text;
}

/** Bytes of the valid UTF-8 character at `index`, or 0 (RFC 3629: no overlong form, no surrogate, at most U+10FFFF). */
function characterBytes(bytes: readonly number[], index: number): number {
  const lead = bytes[index] ?? 0;
  const length = expectedUtf8Bytes(lead);
  if (length === 0 || index + length > bytes.length) return 0;
  for (let step = 1; step < length; step++) {
    if (((bytes[index + step] ?? 0) & 0xc0) !== 0x80) return 0;
  }
  const second = bytes[index + 1] ?? 0;
  const overlong = (lead === 0xe0 && second < 0xa0) || (lead === 0xf0 && second < 0x90);
  const outside = (lead === 0xed && second >= 0xa0) || (lead === 0xf4 && second >= 0x90);
  return overlong || outside ? 0 : length;
}

/** Bytes of the character that `lead` begins, or 0 when no character begins so. */
export function expectedUtf8Bytes(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}
