import { byteOfPiece, SPACE_SYMBOL } from "./decode-pieces.ts";
import type { SentencePieceModel } from "./sentencepiece-model.ts";
import { unfinishedIds } from "./unfinished-bytes.ts";

const encoder = new TextEncoder();

/** Control pieces, and user-defined ones that show something. */
export function controlPieces({ pieces }: SentencePieceModel): readonly string[] {
  return pieces
    .filter(
      ({ type, text }) => type === "control" || (type === "user-defined" && text.trim().length > 1),
    )
    .map(({ text }) => text);
}

/** What a piece stands for by itself: the byte of a byte piece, else its text with its spaces. */
export function pieceBytes({ pieces }: SentencePieceModel, id: number, text: string): Uint8Array {
  const byte = byteOfPiece(pieces[id]);
  return byte === undefined
    ? encoder.encode(text.replaceAll(SPACE_SYMBOL, " "))
    : Uint8Array.of(byte);
}

/** Number of trailing byte pieces that begin a UTF-8 character without ending it. */
export function undecidedBytes({ pieces }: SentencePieceModel, ids: readonly number[]): number {
  return unfinishedIds(ids, (id) => {
    const byte = byteOfPiece(pieces[id]);
    return byte === undefined ? undefined : Uint8Array.of(byte);
  });
}
