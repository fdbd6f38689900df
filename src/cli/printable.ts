/** \p{Cc} is every control character; the rest reverse the direction of text. */
const UNPRINTABLE =
  /[\p{Cc}\p{Zl}\p{Zp}\u061C\u200B-\u200F\u202A-\u202E\u2060-\u2064\u2066-\u2069\uFEFF]/gu;

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

/** A message whose further lines stand apart: none of them, whatever it quotes, can pose as a line of ours. */
export function indented(message: string): string {
  return message.replaceAll(/\n(?! {2})/g, "\n  ");
}
