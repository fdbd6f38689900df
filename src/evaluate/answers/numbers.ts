import { strip } from "./python.ts";

/** As Python's `\\d` in a text takes digits: decimal ones of any script. */
const NUMBER = /-?\p{Nd}+\.\p{Nd}+|-?\p{Nd}+/gu;

/** The last number before another question begins, as it stands there; "NULL" where there is none. */
export function lastNumber(text: string): string {
  return text.split("Question:")[0]?.match(NUMBER)?.at(-1) ?? "NULL";
}

const DIFFERENCE = 1e-6;
/** What Python's `int` and `float` take, white space and underscores between digits among it. */
const WHOLE = /^[+-]?\d+(?:_\d+)*$/;
const DECIMAL =
  /^[+-]?(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?$/;

/** Whether a number is a whole one but for rounding; what is written as neither is no number. */
export function isSameNumber(found: string | undefined, answer: string): boolean {
  const number = ascii(strip(found ?? ""));
  const whole = ascii(strip(answer));
  if (!DECIMAL.test(number) || !WHOLE.test(whole)) return false;
  return Math.abs(numberOf(number) - numberOf(whole)) < DIFFERENCE;
}

const numberOf = (text: string): number => Number(text.replaceAll("_", ""));

/** Digits of any script as those of ASCII: they stand in tens, each ten in order. */
function ascii(text: string): string {
  return text.replaceAll(/\p{Nd}/gu, (digit) => {
    const code = digit.codePointAt(0) ?? 0;
    let first = code;
    while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first--;
    return String((code - first) % 10);
  });
}
