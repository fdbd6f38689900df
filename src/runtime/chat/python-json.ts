import { privateCharacter } from "./private-character.ts";

const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gu;

/**
 * JSON as Python's `json` reads it: a number with a point or an exponent is a float, whatever its value, and a whole one has all its digits. What
 * JavaScript's numbers cannot say is a boxed number (a float that is whole) or a bigint.
 * @throws SyntaxError as `JSON.parse`.
 */
export function parsePythonJson(text: string): unknown {
  // What JSON does not allow is refused as it stands: the marks below would let "01" pass.
  JSON.parse(text);
  const odd = [...text.matchAll(TOKENS)].flatMap(({ 0: token, index }) =>
    token.startsWith('"') || String(Number(token)) === token
      ? []
      : [{ begin: index, end: index + token.length }],
  );
  return parseWithNumbers(text, odd);
}

/** Where a number stands in a text of JSON. */
export interface NumberSpan {
  readonly begin: number;
  readonly end: number;
}

/**
 * As `parsePythonJson`, of a text that was looked through already.
 * @param odd Numbers that JavaScript would print otherwise than they are spelled, in order.
 */
export function parseWithNumbers(text: string, odd: readonly NumberSpan[]): unknown {
  if (odd.length === 0) return JSON.parse(text);
  const mark = privateCharacter(text);
  let [spelled, from] = ["", 0];
  for (const { begin, end } of odd) {
    spelled += `${text.slice(from, begin)}"${mark}${text.slice(begin, end)}"`;
    from = end;
  }
  return JSON.parse(spelled + text.slice(from), (_key, value: unknown) =>
    typeof value === "string" && value.startsWith(mark) ? number(value.slice(mark.length)) : value,
  );
}

/** A float that is whole. */
export function isBoxedNumber(value: unknown): boolean {
  return Object.prototype.toString.call(value) === "[object Number]" && typeof value === "object";
}

/** `JSON.stringify` of what `parsePythonJson` gives. */
export function jsonTextOf(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "bigint" ? String(part) : part,
  );
}

/** Digits of a whole number that Python reads at most (`sys.int_info.default_max_str_digits`); more would take long. */
const MAX_DIGITS = 4300;

function number(text: string): unknown {
  if (/^-?\d+$/u.test(text)) {
    if (text.replace("-", "").length <= MAX_DIGITS) return BigInt(text);
    throw new SyntaxError(`a whole number has more than ${MAX_DIGITS} digits`);
  }
  const value = Number(text);
  return Number.isInteger(value) ? Object(value) : value;
}
