import { Bound, noArguments } from "../values/arguments.ts";
import { itemsOf, sizeOf, textOf } from "../values/basics.ts";
import type { Filter } from "./filter.ts";
import { failed, unsupported } from "../problem.ts";
import { printf } from "./printf.ts";
import { joined, toText } from "../values/print.ts";
import { jsonText } from "../values/json-text.ts";
import { capitalize, titleOf } from "../values/text-case.ts";
import { lengthOf, sliceOf, splitLines } from "../values/text.ts";
import { justify, replaceText, trimText } from "./text-methods.ts";
import { attributeGetter } from "../values/attribute-path.ts";
import { dictOf } from "../values/basics.ts";
import { isObject, Markup, Tuple, typeName, type Value } from "../values/value.ts";

/** Words of `title` and `wordcount`: runs of what Python's `\w` matches. */
const WORDS = /[\p{L}\p{N}_]+/gu;

function onText(name: string, run: (text: string) => Value): Filter {
  return (value, args, { budget }) => {
    noArguments(name, args);
    const text = toText(value, budget);
    budget.make(text.length);
    return run(text);
  };
}

/** Filters of jinja2 3.1 whose result is a text. */
export const TEXT_FILTERS: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  ["upper", onText("upper", (text) => text.toUpperCase())],
  ["lower", onText("lower", (text) => text.toLowerCase())],
  ["capitalize", onText("capitalize", capitalize)],
  ["title", onText("title", titled)],
  ["wordcount", onText("wordcount", (text) => BigInt(text.match(WORDS)?.length ?? 0))],
  ["string", (value, args, { budget }) => (noArguments("string", args), softText(value, budget))],
  [
    "safe",
    (value, args, { budget }) => (noArguments("safe", args), new Markup(toText(value, budget))),
  ],
  ["escape", escape],
  ["e", escape],
  [
    "trim",
    (value, args, { budget }) => {
      const set = new Bound("trim", args, ["chars?"]).optionalText("chars");
      return trimText(toText(value, budget), set, true, true);
    },
  ],
  [
    "center",
    (value, args, { budget }) => {
      const width = new Bound("center", args, ["width?"]).int("width", 80);
      return justify(toText(value, budget), width, " ", budget, "center");
    },
  ],
  [
    "replace",
    (value, args, { budget }) => {
      const bound = new Bound("replace", args, ["old", "new", "count?"]);
      const [old, fresh] = [toText(bound.value("old"), budget), toText(bound.value("new"), budget)];
      return replaceText(
        toText(value, budget),
        old,
        fresh,
        bound.optionalInt("count") ?? -1,
        budget,
      );
    },
  ],
  [
    "join",
    (value, args, { budget }) => {
      const bound = new Bound("join", args, ["d?", "attribute?"]);
      const separator = toText(bound.value("d", ""), budget);
      const items = itemsOf(value, budget);
      const path = bound.value("attribute");
      const chosen = path === null ? items : items.map(attributeGetter(path, budget));
      return joined(
        chosen.map((item) => toText(item, budget)),
        separator,
        budget,
      );
    },
  ],
  [
    "format",
    (value, args, { budget }) => {
      if (args.named.size > 0 && args.positional.length > 0)
        throw failed("can't handle positional and keyword arguments at the same time");
      const given: Value = args.named.size > 0 ? dictOf(args.named) : new Tuple(args.positional);
      return printf(toText(value, budget), given, budget);
    },
  ],
  ["indent", indent],
  ["truncate", truncate],
  ["tojson", toJson],
  [
    "urlencode",
    (value, args) => {
      noArguments("urlencode", args);
      const text = textOf(value);
      if (text === undefined) throw unsupported(`urlencode of a ${typeName(value)}`);
      if (!text.isWellFormed()) throw failed("surrogates not allowed");
      // Python's quote leaves "/" as it is, and escapes what JavaScript's leaves of !'()*.
      return encodeURIComponent(text)
        .replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
        .replaceAll("%2F", "/");
    },
  ],
]);

function softText(value: Value, budget: Parameters<typeof toText>[1]): Value {
  return isObject(value) && value.kind === "markup" ? value : toText(value, budget);
}

/** jinja2's own: a beginning behind blanks, dashes and opening brackets. */
function titled(text: string): string {
  return text
    .split(/([-\s({[<]+)/u)
    .map((word) => {
      const [first = ""] = word;
      return first === "" ? "" : upperOf(first) + word.slice(first.length).toLowerCase();
    })
    .join("");
}

/** The filter takes the upper case of a first letter, not its title case. */
function upperOf(letter: string): string {
  titleOf(letter);
  return letter.toUpperCase();
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "'": "&#39;",
  '"': "&#34;",
};

function escape(...[value, args, { budget }]: Parameters<Filter>): Value {
  noArguments("escape", args);
  if (isObject(value) && value.kind === "markup") return value;
  const text = toText(value, budget);
  budget.make(text.length * 2);
  return new Markup(text.replaceAll(/[&<>'"]/g, (sign) => ENTITIES[sign] ?? sign));
}

function indent(...[value, args, { budget }]: Parameters<Filter>): Value {
  const bound = new Bound("indent", args, ["width?", "first?", "blank?"]);
  const text = textOf(value);
  if (text === undefined) throw failed(`indent: expected a text, found a ${typeName(value)}`);
  const width = bound.value("width", 4n);
  if (typeof width !== "string") budget.make(Math.max(bound.int("width", 4), 0));
  const unit = typeof width === "string" ? width : " ".repeat(Math.max(bound.int("width", 4), 0));
  const isBlankToo = bound.flag("blank");
  const lines = splitLines(`${text}\n`, false);
  budget.make(lines.length * unit.length + text.length);
  const indented = lines.map((line, index) =>
    index > 0 && (isBlankToo || line !== "") ? unit + line : line,
  );
  return (bound.flag("first") ? unit : "") + indented.join("\n");
}

/** jinja2's policy `truncate.leeway`. */
const LEEWAY = 5;

function truncate(...[value, args, { budget }]: Parameters<Filter>): Value {
  const bound = new Bound("truncate", args, ["length?", "killwords?", "end?", "leeway?"]);
  const [length, end] = [bound.int("length", 255), bound.text("end", "...")];
  const leeway = bound.optionalInt("leeway") ?? LEEWAY;
  if (length < lengthOf(end)) throw failed(`expected length >= ${lengthOf(end)}, got ${length}`);
  if (leeway < 0) throw failed(`expected leeway >= 0, got ${leeway}`);
  const size = sizeOf(value);
  if (size === undefined) throw failed(`object of type '${typeName(value)}' has no len()`);
  if (size <= length + leeway) return value;
  const text = textOf(value);
  if (text === undefined) throw unsupported(`truncate of a ${typeName(value)}`);
  budget.make(text.length);
  const cut = sliceOf(text, 0, length - lengthOf(end));
  if (bound.flag("killwords")) return cut + end;
  const blank = cut.lastIndexOf(" ");
  return (blank === -1 ? cut : cut.slice(0, blank)) + end;
}

/** transformers' own: no HTML escapes, and no escapes of what is not ASCII. */
function toJson(...[value, args, { budget }]: Parameters<Filter>): Value {
  const bound = new Bound("tojson", args, [
    "ensure_ascii?",
    "indent?",
    "separators?",
    "sort_keys?",
  ]);
  const indentation = bound.value("indent");
  const indentText =
    indentation === null || typeof indentation === "string"
      ? (indentation ?? undefined)
      : blanks(bound.int("indent"));
  budget.make(indentText?.length ?? 0);
  const separators = bound.value("separators");
  const given = separators === null ? [] : itemsOf(separators, budget).map((item) => textOf(item));
  if (separators !== null && (given.length !== 2 || given.includes(undefined)))
    throw failed("tojson: separators must be two texts");
  return jsonText(
    value,
    {
      escapesUnicode: bound.flag("ensure_ascii"),
      indent: indentText,
      itemSeparator: given[0] ?? (indentText === undefined ? ", " : ","),
      keySeparator: given[1] ?? ": ",
      sortsKeys: bound.flag("sort_keys"),
    },
    budget,
  );
}

/** Blanks of one level of JSON at most. */
const MAX_INDENT = 1024;

function blanks(count: number): string {
  if (count > MAX_INDENT) throw unsupported(`an indent of more than ${MAX_INDENT}`);
  return " ".repeat(Math.max(count, 0));
}
