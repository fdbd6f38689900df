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
  const mark = privateCharacter(text);
  const spelled = text.replaceAll(TOKENS, (token) =>
    token.startsWith('"') || String(Number(token)) === token ? token : `"${mark}${token}"`,
  );
  return JSON.parse(spelled, (_key, value: unknown) =>
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

function number(text: string): unknown {
  if (/^-?\d+$/u.test(text)) return BigInt(text);
  const value = Number(text);
  return Number.isInteger(value) ? Object(value) : value;
}
