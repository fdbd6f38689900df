/** Control and format characters, line and paragraph separators, lone surrogates: what moves, hides or reverses text. */
const UNSHOWABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u115F\u1160\u3164\uFFA0]/gu;

/** Characters of a name that are shown; the longest names of published models have about 200. */
const MAX_SHOWN = 300;

/** A name from a file as messages and tables show it: on one line, with nothing hidden, at no length that hides the rest. */
export function shownName(name: string): string {
  const escaped = shownText(name);
  if (escaped === "") return '""';
  return escaped.length <= MAX_SHOWN
    ? escaped
    : `${escaped.slice(0, MAX_SHOWN)}… (${name.length} characters)`;
}

/** A text from a file or a server on one line, with nothing hidden, at any length. */
export function shownText(text: string): string {
  return text.replaceAll(UNSHOWABLE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}
