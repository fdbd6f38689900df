/** What Python's `str.isspace` calls white space, for a character class. */
export const PYTHON_SPACE =
  "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

const LEADING_SPACE = new RegExp(`^[${PYTHON_SPACE}]+`, "u");
const SPACE_CHARACTER = new RegExp(`^[${PYTHON_SPACE}]$`, "u");
const PAIRS = /[\ud800-\udbff][\udc00-\udfff]/;

export function isSpace(character: string): boolean {
  return SPACE_CHARACTER.test(character);
}

export function trimStart(text: string): string {
  return text.replace(LEADING_SPACE, "");
}

/** Without a regular expression: one that ends in `$` takes quadratic time on long runs of blanks. */
export function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text[end - 1] ?? "")) end--;
  return text.slice(0, end);
}

/** The text as a list of Python's characters, which are code points; JavaScript's are UTF-16 units. */
export function characters(text: string): readonly string[] {
  return hasPairs(text) ? Array.from(text) : text.split("");
}

/** True where a code point takes two units. */
export function hasPairs(text: string): boolean {
  return PAIRS.test(text);
}

/** Python's `len`. */
export function lengthOf(text: string): number {
  return hasPairs(text) ? characters(text).length : text.length;
}

/** Python's `text[begin:end]` with both within the text. */
export function sliceOf(text: string, begin: number, end: number): string {
  return hasPairs(text) ? characters(text).slice(begin, end).join("") : text.slice(begin, end);
}

/** The number of code points before a unit. */
export function characterIndex(text: string, unit: number): number {
  return lengthOf(text.slice(0, unit));
}

/** Order of code points; UTF-16 units would put some of the astral ones before others of the basic plane. */
export function compareTexts(left: string, right: string): number {
  const shortest = Math.min(left.length, right.length);
  for (let index = 0; index < shortest; index++) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a !== b) return rank(a) - rank(b);
  }
  return left.length - right.length;
}

/** Surrogates stand for code points above all others. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** Spelled as a text: the linter takes control characters in a pattern for slips. */
const LINE_ENDS = new RegExp(String.raw`\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]`, "gu");

/** Python's `str.splitlines`. */
export function splitLines(text: string, keepEnds: boolean): string[] {
  const lines: string[] = [];
  let begin = 0;
  for (const match of text.matchAll(LINE_ENDS)) {
    lines.push(text.slice(begin, match.index + (keepEnds ? match[0].length : 0)));
    begin = match.index + match[0].length;
  }
  if (begin < text.length) lines.push(text.slice(begin));
  return lines;
}
