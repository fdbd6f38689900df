import type { DecodeOptions, Tokenizer } from "./tokenizer-interface.ts";

/** Makes text of ids that come one by one, never showing half a character. */
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
      // What decoding leaves out must not part the bytes of a character here when it does not there.
      for (const id of more) if (!tokenizer.isSpecial(id)) ids.push(id);
      const text = tokenizer.decode(ids.slice(0, ids.length - tokenizer.undecided(ids)), options);
      return upTo(text, mode === "raw" ? text.length : text.length - openTail(text));
    },
    end() {
      const text = tokenizer.decode(ids, options);
      return upTo(text, text.length);
    },
  };
}

/**
 * Ends of a cleaned text that more text may still change: beginnings of what is closed up (" .", " n't", " 've"), also of what
 * only becomes such once " ' " has been ("  ' s", " n ' t"), and "'", which a stop behind it makes " '" again (" ' ." keeps
 * its first space).
 */
const OPEN_TAIL = /(?: n ?'?| {1,2}(?:'[vr]?)?|')$/;

/** Characters at the end that later text may change. */
function openTail(text: string): number {
  return OPEN_TAIL.exec(text)?.[0].length ?? 0;
}
