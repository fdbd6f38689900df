import { byteOfPiece, expectedUtf8Bytes } from "./decode-pieces.ts";
import type { DecodeOptions, Tokenizer } from "./tokenizer.ts";

/** Turns ids that come one by one into text that never shows half a character. */
export interface StreamDecoder {
  /** The text that became certain with these ids; may be empty. */
  push(ids: readonly number[]): string;
  /** What was held back, an incomplete character as U+FFFD. */
  end(): string;
}

/**
 * Streaming decode without special tokens: what `push` and `end` give, joined, is the decode of all ids at once. A
 * trailing incomplete UTF-8 character is held back, and so is a tail that later text could still change (the clean-up
 * closes up " ." and the like).
 *
 * Every push decodes all ids again, because the clean-up of the whole is not the clean-up of its parts; that is cheap
 * beside a forward pass (8,192 tokens: about 0.1 ms a token).
 */
export function streamDecoder(
  tokenizer: Tokenizer,
  mode: DecodeOptions["mode"] = "transformers",
): StreamDecoder {
  const options: DecodeOptions = { mode, skipSpecialTokens: true };
  const ids: number[] = [];
  let shown = 0;
  const upTo = (text: string, end: number): string => {
    const fresh = text.slice(shown, Math.max(shown, end));
    shown = Math.max(shown, end);
    return fresh;
  };
  return {
    push(more) {
      for (const id of more) ids.push(id);
      const text = tokenizer.decode(
        ids.slice(0, ids.length - unfinishedBytes(tokenizer, ids)),
        options,
      );
      return upTo(text, mode === "raw" ? text.length : text.length - openTail(text));
    },
    end() {
      const text = tokenizer.decode(ids, options);
      return upTo(text, text.length);
    },
  };
}

/** Longest text that the clean-up replaces is four characters (" n't"): so much may still change at the end. */
const LONGEST_CLEAN_UP = 4;

/** Characters at the end that begin a clean-up replacement: from the last space on, when it is that near. */
function openTail(text: string): number {
  const space = text.lastIndexOf(" ");
  const tail = text.length - space;
  return space >= 0 && tail < LONGEST_CLEAN_UP ? tail : 0;
}

/** Number of trailing byte pieces that begin a UTF-8 character without ending it. */
function unfinishedBytes(tokenizer: Tokenizer, ids: readonly number[]): number {
  const { pieces } = tokenizer.sentencePiece.model;
  for (let back = 1; back <= Math.min(3, ids.length); back++) {
    const byte = byteOfPiece(pieces[ids[ids.length - back] ?? -1]);
    if (byte === undefined) return 0;
    if ((byte & 0xc0) !== 0x80) return expectedUtf8Bytes(byte) > back ? back : 0;
  }
  return 0;
}
