/** `str.strip()` of Python: white space of Unicode and the separators of ASCII, but no byte order mark. */
export function strip(text: string): string {
  let begin = 0;
  while (begin < text.length && isSpace(text[begin])) begin++;
  return stripEnd(text.slice(begin));
}

/** `str.rstrip()` of Python. */
export function stripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text[end - 1])) end--;
  return text.slice(0, end);
}

/** The separators of ASCII and the next-line control, which JavaScript takes for no white space. */
const OTHER_SPACE = "\u001C\u001D\u001E\u001F\u0085";

function isSpace(char = ""): boolean {
  return char !== "\uFEFF" && (OTHER_SPACE.includes(char) || char.trim() === "");
}

/** The characters of a text that are digits. */
export function digitsOf(text: string): string {
  return Array.from(text)
    .filter((char) => DIGIT.test(char))
    .join("");
}

/** What `str.isdigit()` of Python takes: decimal digits of any script, raised, lowered and circled ones. */
const DIGIT =
  /[\p{Nd}\u00B2\u00B3\u00B9\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468\u2474-\u247C\u2488-\u2490]/u;
