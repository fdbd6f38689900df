import type { Budget } from "../budget.ts";
import { floatText } from "./float-text.ts";
import { failed, unsupported } from "../problem.ts";
import { isObject, typeName, type Value } from "./value.ts";

/** Decimal digits of an int that Python prints. */
const MAX_INT_DIGITS = 4300;

/** Python's `str(value)`, which is what a template prints. */
export function toText(value: Value, budget: Budget): string {
  if (typeof value === "string") return value;
  if (isObject(value)) {
    if (value.kind === "undefined") return "";
    if (value.kind === "markup") return value.text;
  }
  return represent(value, budget);
}

/** Python's `repr(value)`. @throws JinjaError "unsupported" for what Python prints with its address. */
export function represent(value: Value, budget: Budget): string {
  budget.step();
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "bigint") return intText(value);
  if (typeof value === "number") return floatText(value);
  if (typeof value === "string") return quoted(value, budget);
  const all = (items: readonly Value[]): string =>
    budget.nested(() =>
      joined(
        items.map((item) => represent(item, budget)),
        ", ",
        budget,
      ),
    );
  switch (value.kind) {
    case "undefined":
      return "Undefined";
    case "list":
      return `[${all(value.items)}]`;
    case "tuple":
      return `(${all(value.items)}${value.items.length === 1 ? "," : ""})`;
    case "dict":
      return `{${budget.nested(() =>
        joined(
          [...value.entries.values()].map(
            ([key, item]) => `${represent(key, budget)}: ${represent(item, budget)}`,
          ),
          ", ",
          budget,
        ),
      )}}`;
    case "view":
      return `dict_${value.of}([${all(value.items)}])`;
    case "range":
      return value.step === 1n
        ? `range(${value.begin}, ${value.end})`
        : `range(${value.begin}, ${value.end}, ${value.step})`;
    case "markup":
      return `Markup(${quoted(value.text, budget)})`;
    default:
      throw unsupported(`printing a ${typeName(value)}`);
  }
}

export function intText(value: bigint): string {
  const text = value.toString();
  if (text.length <= MAX_INT_DIGITS) return text;
  throw failed(`Exceeds the limit (${MAX_INT_DIGITS} digits) for integer string conversion`);
}

/** `Array.join` within the budget. */
export function joined(parts: readonly string[], separator: string, budget: Budget): string {
  const units = parts.reduce((sum, part) => sum + part.length + separator.length, 0);
  budget.make(units);
  return parts.join(separator);
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\\": String.raw`\\`,
  "\n": String.raw`\n`,
  "\r": String.raw`\r`,
  "\t": String.raw`\t`,
};

/** What Python does not print as it is: control, format and private characters, and white space other than the blank. */
const HIDDEN = /[\\\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/** A text in quotes, as `repr` gives it: single ones unless only those occur in it. */
function quoted(text: string, budget: Budget): string {
  budget.make(2 * text.length + 2);
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replaceAll(
    HIDDEN,
    (character) => ESCAPES[character] ?? hexEscape(character),
  );
  return quote + (quote === "'" ? escaped.replaceAll("'", String.raw`\'`) : escaped) + quote;
}

function hexEscape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
  if (code <= 0xffff) return `\\u${code.toString(16).padStart(4, "0")}`;
  return `\\U${code.toString(16).padStart(8, "0")}`;
}
