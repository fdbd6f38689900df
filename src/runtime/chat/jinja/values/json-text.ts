import type { Budget } from "../budget.ts";
import { floatText } from "./float-text.ts";
import { failed } from "../problem.ts";
import { intText, joined } from "./print.ts";
import { isObject, typeName, type Dict, type Value } from "./value.ts";
import { order, textOf } from "./basics.ts";

export interface JsonStyle {
  readonly escapesUnicode: boolean;
  /** What each level is indented by; undefined for one line. */
  readonly indent: string | undefined;
  readonly itemSeparator: string;
  readonly keySeparator: string;
  readonly sortsKeys: boolean;
}

/** Python's `json.dumps`, which transformers' own `tojson` calls. */
export function jsonText(value: Value, style: JsonStyle, budget: Budget, level = 0): string {
  budget.step();
  if (value === null) return "null";
  if (typeof value === "boolean") return value ? "true" : "false";
  if (typeof value === "bigint") return intText(value);
  if (typeof value === "number") return jsonFloat(value);
  const text = textOf(value);
  if (text !== undefined) return jsonString(text, style.escapesUnicode, budget);
  if (isObject(value)) {
    if (value.kind === "list" || value.kind === "tuple")
      return budget.nested(() =>
        block(
          ["[", "]"],
          value.items.map((item) => jsonText(item, style, budget, level + 1)),
          { style, level, budget },
        ),
      );
    if (value.kind === "dict")
      return budget.nested(() =>
        block(["{", "}"], members(value, style, budget, level + 1), { style, level, budget }),
      );
  }
  throw failed(`Object of type ${typeName(value)} is not JSON serializable`);
}

function members(dict: Dict, style: JsonStyle, budget: Budget, level: number): readonly string[] {
  const entries = [...dict.entries.values()];
  if (style.sortsKeys) entries.sort(([left], [right]) => order(left, right, budget));
  return entries.map(
    ([key, item]) =>
      jsonString(keyText(key), style.escapesUnicode, budget) +
      style.keySeparator +
      jsonText(item, style, budget, level),
  );
}

function keyText(key: Value): string {
  const text = textOf(key);
  if (text !== undefined) return text;
  if (key === null) return "null";
  if (typeof key === "boolean") return key ? "true" : "false";
  if (typeof key === "bigint") return intText(key);
  if (typeof key === "number") return jsonFloat(key);
  throw failed(`keys must be str, int, float, bool or None, not ${typeName(key)}`);
}

interface Place {
  readonly style: JsonStyle;
  readonly level: number;
  readonly budget: Budget;
}

function block(
  [open, close]: readonly [string, string],
  parts: readonly string[],
  { style, level, budget }: Place,
): string {
  if (parts.length === 0) return open + close;
  const { indent, itemSeparator } = style;
  if (indent === undefined) return open + joined(parts, itemSeparator, budget) + close;
  budget.make(indent.length * (level + 1));
  const inner = `\n${indent.repeat(level + 1)}`;
  return `${open}${inner}${joined(parts, itemSeparator + inner, budget)}\n${indent.repeat(level)}${close}`;
}

function jsonFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  return floatText(value);
}

const SHORT: Readonly<Record<string, string>> = {
  "\n": String.raw`\n`,
  "\r": String.raw`\r`,
  "\t": String.raw`\t`,
  "\f": String.raw`\f`,
  "\b": String.raw`\b`,
  '"': String.raw`\"`,
  "\\": String.raw`\\`,
};

function jsonString(text: string, escapesUnicode: boolean, budget: Budget): string {
  budget.make(text.length + 2);
  // eslint-disable-next-line no-control-regex
  const pattern = escapesUnicode ? /["\\]|[^\u0020-\u007e]/g : /["\\\u0000-\u001f]/g;
  const escaped = text.replaceAll(
    pattern,
    (unit) => SHORT[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  budget.size(escaped.length);
  return `"${escaped}"`;
}
