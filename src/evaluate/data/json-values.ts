import { Budget } from "../../runtime/chat/jinja/budget.ts";
import { dictOf } from "../../runtime/chat/jinja/values/basics.ts";
import { represent, toText } from "../../runtime/chat/jinja/values/print.ts";
import { List, type Value } from "../../runtime/chat/jinja/values/value.ts";
import { privateCharacter } from "../../runtime/chat/private-character.ts";

/** A value of a row, as Python has it: 1 and 1.0 are two. */
export type RowValue = Value;

/** A text, with the colon behind it where it is a name; a number as JSON spells it, or one of the three that Python's json adds. */
const TOKENS =
  /"([^"\\]*(?:\\.[^"\\]*)*)"(\s*:)?|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|-?Infinity|NaN/gsu;

/** Values inside one another at most; Python's json gives up at about 1,000. */
const MAX_DEPTH = 900;

/** Digits of a whole number that Python reads at most. */
const MAX_DIGITS = 4300;

/**
 * A text of JSON as Python's `json.loads` reads it: whole numbers with all their digits, floats apart from them, NaN and infinities,
 * names in the order in which they stand (JavaScript puts those that are whole numbers first).
 * @throws SyntaxError for what is no JSON, is too deep, or has a number of too many digits.
 */
export function parseRowJson(text: string): RowValue {
  // Numbers become texts, and names get a mark, so that JSON.parse keeps the spelling of both.
  const mark = privateCharacter(text);
  const spelled = text.replaceAll(TOKENS, (token: string, inner?: string, colon?: string) => {
    if (inner === undefined) return `"${mark}${checked(token)}"`;
    return colon === undefined ? token : `"${mark}${inner}"${colon}`;
  });
  const value: unknown = JSON.parse(spelled);
  return valueOf(value, mark, 0);
}

function valueOf(value: unknown, mark: string, depth: number): RowValue {
  if (depth > MAX_DEPTH) throw new SyntaxError(`more than ${MAX_DEPTH} levels`);
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "string")
    return value.startsWith(mark) ? numberOf(value.slice(mark.length)) : value;
  if (Array.isArray(value)) return new List(value.map((item) => valueOf(item, mark, depth + 1)));
  return dictOf(
    Object.entries(value ?? {}).map(([name, item]): [string, RowValue] => [
      name.slice(mark.length),
      valueOf(item, mark, depth + 1),
    ]),
  );
}

/** Also of a number that a later one of the same name replaces. */
function checked(number: string): string {
  if (!isWhole(number) || number.replace("-", "").length <= MAX_DIGITS) return number;
  throw new SyntaxError(`a whole number of more than ${MAX_DIGITS} digits`);
}

function numberOf(text: string): RowValue {
  return isWhole(text) ? BigInt(text) : Number(text);
}

function isWhole(number: string): boolean {
  return /^-?\d+$/.test(number);
}

/** Python's `str(value)`: what a template that it is put into shows. */
export function textOfValue(value: RowValue): string {
  return toText(value, unbounded());
}

/** Python's `repr(value)`, which tells apart what has the same text. */
export function spellingOf(value: RowValue): string {
  return represent(value, unbounded());
}

/** Rows are the user's own, and as deep as they could be read. */
function unbounded(): Budget {
  const [steps, madeUnits, textUnits, milliseconds] = [Infinity, Infinity, Infinity, Infinity];
  return new Budget({ steps, madeUnits, textUnits, milliseconds, nesting: MAX_DEPTH + 1 });
}
