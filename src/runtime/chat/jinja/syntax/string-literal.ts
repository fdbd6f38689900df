import { JinjaError, unsupported } from "../problem.ts";

const SIMPLE: Readonly<Record<string, string>> = {
  "\n": "",
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

const ESCAPE = /\\(?:([0-7]{1,3})|x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([^]))/gu;

/** The text of a literal, by Python's `unicode-escape`: an escape that it does not know stays as it is. */
export function unescapeString(literal: string, line: number): string {
  return literal.replaceAll(
    ESCAPE,
    (
      whole,
      octal: string | undefined,
      byte: string | undefined,
      short: string | undefined,
      long: string | undefined,
      letter: string | undefined,
    ) => {
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
      const hex = byte ?? short ?? long;
      if (hex !== undefined) return characterOf(Number.parseInt(hex, 16), line);
      if (letter === "N") throw unsupported("an escape \\N{name}");
      if (letter === "x" || letter === "u" || letter === "U")
        throw new JinjaError("syntax", `line ${line}: truncated \\${letter} escape`);
      return SIMPLE[letter ?? ""] ?? whole;
    },
  );
}

function characterOf(code: number, line: number): string {
  if (code <= 0x10ffff) return String.fromCodePoint(code);
  throw new JinjaError("syntax", `line ${line}: no character has the number ${code}`);
}
