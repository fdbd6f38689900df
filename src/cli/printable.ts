/** \p{Cc} is every control character; the rest reverse the direction of text. */
const UNPRINTABLE = /[\p{Cc}\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu;

/** What every text has. */
const PLAIN: ReadonlySet<string> = new Set(["\n", "\t"]);

/**
 * Text that moves no cursor and hides nothing on a terminal: names of tensors come from files of strangers. What is taken
 * out is shown as its escape, which in a JSON document stands for the same character.
 */
export function printable(text: string): string {
  return text.replaceAll(UNPRINTABLE, (character) =>
    PLAIN.has(character)
      ? character
      : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
