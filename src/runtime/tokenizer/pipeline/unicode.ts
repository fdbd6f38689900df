import {
  MARKS,
  NONSPACING,
  NOT_NORMALISED,
  OTHER,
  PUNCTUATION,
  UNASSIGNED,
} from "./unicode-tables.ts";

type Form = "NFC" | "NFD" | "NFKC" | "NFKD";

/** Noncharacters: no property of them ever changes. */
const STAND_IN_BMP = "\uFFFE";
const STAND_IN_ASTRAL = "\u{1FFFE}";

/** U+0295 was a lower-case letter up to Unicode 16, and is a letter without case from 17 on; ɔ is a lower-case letter in both. */
const RECLASSIFIED = "\u0295";
const LIKE_RECLASSIFIED = "\u0254";

/** The inside of a character class. */
function rangesOf(packed: string): string {
  let last = 0;
  return packed
    .split(" ")
    .map((word) => {
      const [gap = "0", more = "0"] = word.split("-");
      const begin = last + Number.parseInt(gap, 36);
      last = begin + Number.parseInt(more, 36);
      return `${escaped(begin)}-${escaped(last)}`;
    })
    .join("");
}

function escaped(point: number): string {
  return String.raw`\u{${point.toString(16)}}`;
}

const unassigned = rangesOf(UNASSIGNED);
/** Assigned for Node, but not for the library. */
const NEWER = `(?!\\p{Cn})[${unassigned}]`;
const UNKNOWN = new RegExp(`${NEWER}|${RECLASSIFIED}`, "gu");
const IS_NEWER = new RegExp(NEWER, "u");
const BARRIER = new RegExp(`([${unassigned}${rangesOf(NOT_NORMALISED)}]+)`, "u");
const MARK = new RegExp(`[${rangesOf(MARKS)}]`, "gu");
const NONSPACING_MARK = new RegExp(`[${rangesOf(NONSPACING)}]`, "gu");
const OTHER_CHARACTER = new RegExp(`[${rangesOf(OTHER)}]`, "gu");

/** What Python's `tokenizers` calls punctuation. */
export const PUNCTUATION_CLASS = `[${rangesOf(PUNCTUATION)}]`;

/**
 * The text with every character that Unicode assigned later than the tables of Python's `tokenizers` replaced by one that is
 * never assigned, and of the same length: what a pattern matches here is at the same places of the text itself.
 */
export function withKnownProperties(text: string): string {
  return text.replace(UNKNOWN, (found) => {
    if (found === RECLASSIFIED) return LIKE_RECLASSIFIED;
    return found.length === 1 ? STAND_IN_BMP : STAND_IN_ASTRAL;
  });
}

/** Whether `withKnownProperties` takes a character of this range out of it, or another into it. */
export function changesRange(first: number, last: number): boolean {
  const contains = (character: string): boolean => {
    const point = character.codePointAt(0) ?? 0;
    return first <= point && point <= last;
  };
  if (contains(RECLASSIFIED) !== contains(LIKE_RECLASSIFIED)) return true;
  for (let point = first; point <= last; point++)
    if (IS_NEWER.test(String.fromCodePoint(point))) return true;
  return false;
}

/** As the library's tables have it, which are older than Node's: what they do not know stays, and parts what is around it. */
export function normaliseAs(form: Form, text: string): string {
  if (isAscii(text)) return text;
  if (!BARRIER.test(text)) return text.normalize(form);
  return text
    .split(BARRIER)
    .map((part, index) => (index % 2 === 1 ? part : part.normalize(form)))
    .join("");
}

export function withoutMarks(text: string): string {
  return text.replace(MARK, "");
}

export function withoutNonspacingMarks(text: string): string {
  return text.replace(NONSPACING_MARK, "");
}

/** Without control, format and private characters, but with tab, line feed and carriage return. */
export function withoutOther(text: string): string {
  return text.replace(OTHER_CHARACTER, "");
}

/** Each character by itself, so that a final sigma is lowered as any other. */
export function lowerCase(text: string): string {
  if (isAscii(text)) return text.toLowerCase();
  let lowered = "";
  for (const character of text) lowered += character.toLowerCase();
  return lowered;
}

export function isAscii(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- ASCII is what is asked for
  return /^[\0-\x7F]*$/.test(text);
}
