import { failed, unsupported } from "../problem.ts";
import { characters, PYTHON_SPACE } from "./text.ts";

/** Characters whose title case is neither their upper case nor its first letter with the rest in lower case. */
const OWN_TITLE_CASE = /[\u01c4-\u01cc\u01f1-\u01f3\u10d0-\u10ff\u1f80-\u1fff]/u;

/** Python's title case of one character. */
export function titleOf(character: string): string {
  if (OWN_TITLE_CASE.test(character)) throw unsupported(`the title case of ${character}`);
  // An apostrophe and an N, the only two letters of one that begin a word with the second.
  if (character === "\u0149") return character.toUpperCase();
  const [first = "", ...rest] = characters(character.toUpperCase());
  return first + rest.join("").toLowerCase();
}

const SIGMA = "\u03a3";
const FINAL_SIGMA = "\u03c2";

/** A character in lower case where it stands: of a sigma, that decides which. */
function lowerAt(letters: readonly string[], index: number): string {
  const letter = letters[index] ?? "";
  if (letter !== SIGMA) return letter.toLowerCase();
  const ends = (text: string): boolean => text.toLowerCase().endsWith(FINAL_SIGMA);
  const isBehindLetter = ends(letters.slice(0, index + 1).join(""));
  const isLast = `A${letters.slice(index).join("")}`.toLowerCase().startsWith(`a${FINAL_SIGMA}`);
  return isBehindLetter && isLast ? FINAL_SIGMA : letter.toLowerCase();
}

export function capitalize(text: string): string {
  const [first = ""] = characters(text);
  if (first === "") return "";
  const letters = characters(text);
  return (
    titleOf(first) +
    letters
      .slice(1)
      .map((_letter, index) => lowerAt(letters, index + 1))
      .join("")
  );
}

const CASED = /[\p{Lu}\p{Ll}\p{Lt}\p{Lowercase}\p{Uppercase}]/u;

/** Python's `str.title`: every letter behind one that has no case is a beginning. */
export function titleText(text: string): string {
  let isBehindCased = false;
  const letters = characters(text);
  return letters
    .map((character, index) => {
      const result = isBehindCased ? lowerAt(letters, index) : titleOf(character);
      isBehindCased = CASED.test(character);
      return result;
    })
    .join("");
}

export function swapCase(text: string): string {
  const letters = characters(text);
  return letters
    .map((character, index) => {
      if (/\p{Uppercase}/u.test(character)) return lowerAt(letters, index);
      return /\p{Lowercase}/u.test(character) ? character.toUpperCase() : character;
    })
    .join("");
}

/** Python's `str.casefold`, of what ASCII has. */
export function caseFold(text: string): string {
  if (/[^\0-\x7f]/u.test(text)) throw unsupported("casefold of characters beyond ASCII");
  return text.toLowerCase();
}

/** What a predicate such as `isdigit` says of a text; false for an empty one, as Python has it. */
export function isEvery(name: string, text: string): boolean {
  if (name === "isascii") return /^[\0-\x7f]*$/u.test(text);
  if (name === "islower")
    return /\p{Lowercase}/u.test(text) && !/[\p{Uppercase}\p{Lt}]/u.test(text);
  if (name === "isupper")
    return /\p{Uppercase}/u.test(text) && !/[\p{Lowercase}\p{Lt}]/u.test(text);
  if (name === "isprintable") return !/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(text);
  if (name === "isidentifier") return /^[\p{XID_Start}_]\p{XID_Continue}*$/u.test(text);
  if (name === "istitle") return isTitle(text);
  const pattern = PREDICATES[name];
  if (pattern === undefined) throw failed(`no predicate ${name}`);
  // Digits and numbers beyond the decimal ones stand in tables of their own.
  if (
    name !== "isalpha" &&
    name !== "isdecimal" &&
    name !== "isspace" &&
    /[\p{No}\p{Nl}]/u.test(text)
  )
    throw unsupported(`${name} of numbers beyond decimal digits`);
  if (name === "isnumeric" && /\p{Script=Han}/u.test(text))
    throw unsupported("isnumeric of Chinese characters");
  return pattern.test(text);
}

const PREDICATES: Readonly<Record<string, RegExp>> = {
  isalpha: /^\p{L}+$/u,
  isdecimal: /^\p{Nd}+$/u,
  isdigit: /^\p{Nd}+$/u,
  isnumeric: /^\p{Nd}+$/u,
  isalnum: /^[\p{L}\p{Nd}]+$/u,
  isspace: new RegExp(`^[${PYTHON_SPACE}]+$`, "u"),
};

/** Upper case behind what has no case, lower case behind what has. */
function isTitle(text: string): boolean {
  let isBehindCased = false;
  let hasCased = false;
  for (const character of characters(text)) {
    const isUpper = /[\p{Uppercase}\p{Lt}]/u.test(character);
    const isLower = /\p{Lowercase}/u.test(character);
    if ((isUpper && isBehindCased) || (isLower && !isBehindCased)) return false;
    isBehindCased = isUpper || isLower;
    hasCased ||= isBehindCased;
  }
  return hasCased;
}
