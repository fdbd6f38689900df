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
 * A push decodes the last ids again, from a word on that is some way back: what stands before a word changes nothing behind it,
 * and a long text would else be decoded as a whole for each of its tokens (8,192 ids took 2 to 4 ms).
 */
export function streamDecoder(
  tokenizer: Tokenizer,
  mode: DecodeOptions["mode"] = "transformers",
): StreamDecoder {
  const options: DecodeOptions = { mode, skipSpecialTokens: true };
  let ids: number[] = [];
  let shown = 0;
  let most = MOST_IDS;
  const upTo = (text: string, end: number): string => {
    const fresh = text.slice(shown, Math.max(shown, end));
    shown = Math.max(shown, end);
    return fresh;
  };
  const shorten = (text: string): void => {
    if (ids.length <= most) return;
    const kept = ids.slice(lastWord(tokenizer, ids, ids.length - KEPT_IDS));
    const end = tokenizer.decode(kept, options);
    const open = text.length - shown;
    if (kept.length < ids.length && end.length > open && text.endsWith(end)) {
      ids = kept;
      shown = end.length - open;
    }
    most = ids.length + MOST_IDS;
  };
  return {
    push(more) {
      // What decoding leaves out must not part the bytes of a character here when it does not there.
      for (const id of more) if (!tokenizer.isSpecial(id)) ids.push(id);
      const undecided = tokenizer.undecided(ids);
      const text = tokenizer.decode(ids.slice(0, ids.length - undecided), options);
      const fresh = upTo(text, mode === "raw" ? text.length : text.length - openTail(text));
      if (undecided === 0) shorten(text);
      return fresh;
    },
    end() {
      const text = tokenizer.decode(ids, options);
      return upTo(text, text.length);
    },
  };
}

/** Ids that are decoded again with each new one, at most where there are words among them. */
const MOST_IDS = 128;

/** Ids behind the word that decoding begins at again, at least. */
const KEPT_IDS = 32;

/** A token that is a word or the end of one: no byte of a run, nothing that the clean-up closes up, no token of a command. */
const WORD = /^ ?\p{L}+$/u;

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The last place of a word up to `from`; 0 without one. */
function lastWord(tokenizer: Tokenizer, ids: readonly number[], from: number): number {
  for (let place = from; place > 0; place--) {
    if (isWord(tokenizer, ids[place] ?? -1)) return place;
  }
  return 0;
}

function isWord(tokenizer: Tokenizer, id: number): boolean {
  try {
    return WORD.test(strict.decode(tokenizer.bytesOf(id)));
  } catch {
    // Part of a character, or an id that the vocabulary has not.
    return false;
  }
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
