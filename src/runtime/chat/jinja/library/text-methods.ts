import { Bound, noArguments } from "../values/arguments.ts";
import { itemsOf, textOf } from "../values/basics.ts";
import type { Budget } from "../budget.ts";
import { formatText } from "./format-method.ts";
import { failed, unsupported } from "../problem.ts";
import { joined } from "../values/print.ts";
import { capitalize, caseFold, isEvery, swapCase, titleText } from "../values/text-case.ts";
import { splitFromLeft, splitFromRight, splitOnSpace, splitOnSpaceFromRight } from "./split.ts";
import {
  characterIndex,
  characters,
  lengthOf,
  sliceOf,
  splitLines,
  trimEnd,
  trimStart,
} from "../values/text.ts";
import { isObject, List, Tuple, typeName, type Arguments, type Value } from "../values/value.ts";

type Method = (text: string, args: Arguments, budget: Budget) => Value;

const RANGE = ["begin?", "end?"];

/** Python's methods of str, but for those that `UNSUPPORTED_TEXT_METHODS` names. */
export const TEXT_METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["strip", (text, args) => trimmed(text, args, "strip", true, true)],
  ["lstrip", (text, args) => trimmed(text, args, "lstrip", true, false)],
  ["rstrip", (text, args) => trimmed(text, args, "rstrip", false, true)],
  ["lower", plain("lower", (text) => text.toLowerCase())],
  ["upper", plain("upper", (text) => text.toUpperCase())],
  ["capitalize", plain("capitalize", capitalize)],
  ["title", plain("title", titleText)],
  ["swapcase", plain("swapcase", swapCase)],
  ["casefold", plain("casefold", caseFold)],
  ["split", split],
  ["rsplit", rightSplit],
  [
    "splitlines",
    (text, args, budget) => {
      const keeps = new Bound("splitlines", args, ["keepends?"]).flag("keepends");
      return listOf(splitLines(text, keeps), budget);
    },
  ],
  ["partition", (text, args) => partition(text, args, "partition")],
  ["rpartition", (text, args) => partition(text, args, "rpartition")],
  ["startswith", (text, args) => hasEdge(text, args, "startswith")],
  ["endswith", (text, args) => hasEdge(text, args, "endswith")],
  ["replace", replace],
  ["join", join],
  ["find", (text, args) => BigInt(found(text, args, "find"))],
  ["rfind", (text, args) => BigInt(found(text, args, "rfind"))],
  ["index", (text, args) => present(found(text, args, "index"))],
  ["rindex", (text, args) => present(found(text, args, "rindex"))],
  ["count", count],
  [
    "removeprefix",
    (text, args) => {
      const prefix = new Bound("removeprefix", args, ["prefix"]).text("prefix");
      return text.startsWith(prefix) ? text.slice(prefix.length) : text;
    },
  ],
  [
    "removesuffix",
    (text, args) => {
      const suffix = new Bound("removesuffix", args, ["suffix"]).text("suffix");
      return suffix !== "" && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text;
    },
  ],
  ["center", (text, args, budget) => justified(text, args, budget, "center")],
  ["ljust", (text, args, budget) => justified(text, args, budget, "ljust")],
  ["rjust", (text, args, budget) => justified(text, args, budget, "rjust")],
  ["zfill", zeroFilled],
  ["format", (text, args, budget) => formatText(text, args, budget)],
  ...[
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
  ].map((name) => [name, plain(name, (text) => isEvery(name, text))] as const),
]);

/** What else str has: a template that asks for one of them is refused. */
export const UNSUPPORTED_TEXT_METHODS: ReadonlySet<string> = new Set([
  "encode",
  "expandtabs",
  "format_map",
  "maketrans",
  "translate",
]);

function plain(name: string, run: (text: string) => Value): Method {
  return (text, args, budget) => {
    noArguments(name, args);
    budget.make(text.length);
    return run(text);
  };
}

function listOf(parts: readonly string[], budget: Budget): List {
  budget.step(parts.length);
  return new List(parts);
}

function trimmed(
  text: string,
  args: Arguments,
  name: string,
  left: boolean,
  right: boolean,
): string {
  const set = new Bound(name, args, ["chars?"]).optionalText("chars");
  return trimText(text, set, left, right);
}

/** Takes characters of a set off the ends; white space where none is given. */
export function trimText(
  text: string,
  set: string | undefined,
  left: boolean,
  right: boolean,
): string {
  if (set === undefined) {
    const rest = left ? trimStart(text) : text;
    return right ? trimEnd(rest) : rest;
  }
  const drop = new Set(characters(set));
  const all = characters(text);
  const first = left ? all.findIndex((character) => !drop.has(character)) : 0;
  if (first === -1) return "";
  const last = right ? all.findLastIndex((character) => !drop.has(character)) : all.length - 1;
  return all.slice(first, last + 1).join("");
}

function splitArguments(
  name: string,
  args: Arguments,
): { separator: string | undefined; most: number } {
  const bound = new Bound(name, args, ["sep?", "maxsplit?"]);
  const separator = bound.optionalText("sep");
  if (separator === "") throw failed("empty separator");
  const most = bound.int("maxsplit", -1);
  return { separator, most: most < 0 ? Number.POSITIVE_INFINITY : most };
}

function split(text: string, args: Arguments, budget: Budget): Value {
  const { separator, most } = splitArguments("split", args);
  budget.make(text.length);
  return listOf(
    separator === undefined ? splitOnSpace(text, most) : splitFromLeft(text, separator, most),
    budget,
  );
}

function rightSplit(text: string, args: Arguments, budget: Budget): Value {
  const { separator, most } = splitArguments("rsplit", args);
  budget.make(text.length);
  return listOf(
    separator === undefined
      ? splitOnSpaceFromRight(text, most)
      : splitFromRight(text, separator, most),
    budget,
  );
}

function partition(text: string, args: Arguments, name: "partition" | "rpartition"): Value {
  const separator = new Bound(name, args, ["sep"]).text("sep");
  if (separator === "") throw failed("empty separator");
  const at = name === "partition" ? text.indexOf(separator) : text.lastIndexOf(separator);
  if (at !== -1)
    return new Tuple([text.slice(0, at), separator, text.slice(at + separator.length)]);
  return new Tuple(name === "partition" ? [text, "", ""] : ["", "", text]);
}

/** The part of the text that optional bounds leave, in code points. */
function bounded(
  text: string,
  bound: Bound,
): { readonly part: string; readonly begin: number } | undefined {
  if (!bound.has("begin") && !bound.has("end")) return { part: text, begin: 0 };
  const size = lengthOf(text);
  const within = (index: number): number =>
    Math.min(Math.max(index < 0 ? index + size : index, 0), size);
  const given = bound.optionalInt("begin") ?? 0;
  const [begin, end] = [within(given), within(bound.optionalInt("end") ?? size)];
  // Even an empty text is not found behind the end, nor between bounds that are the wrong way round.
  return given > size || begin > end ? undefined : { part: sliceOf(text, begin, end), begin };
}

function hasEdge(text: string, args: Arguments, name: "startswith" | "endswith"): boolean {
  const bound = new Bound(name, args, ["edge", ...RANGE]);
  const within = bounded(text, bound);
  const edges = bound.value("edge");
  const texts = isObject(edges) && edges.kind === "tuple" ? edges.items : [edges];
  return texts
    .map((edge) => {
      const edgeText = textOf(edge);
      if (edgeText !== undefined) return edgeText;
      if (isObject(edge) && edge.kind === "undefined") throw failed(edge.reason);
      throw failed(`${name} first arg must be str or a tuple of str, not ${typeName(edge)}`);
    })
    .some(
      (edge) =>
        within !== undefined &&
        (name === "startswith" ? within.part.startsWith(edge) : within.part.endsWith(edge)),
    );
}

function replace(text: string, args: Arguments, budget: Budget): string {
  const bound = new Bound("replace", args, ["old", "new", "count?"]);
  return replaceText(text, bound.text("old"), bound.text("new"), bound.int("count", -1), budget);
}

/** Python's `str.replace`; a negative count replaces all. */
export function replaceText(
  text: string,
  old: string,
  fresh: string,
  most: number,
  budget: Budget,
): string {
  const parts = old === "" ? ["", ...characters(text), ""] : text.split(old);
  budget.step(parts.length);
  if (most < 0 || most >= parts.length - 1) return joined(parts, fresh, budget);
  const replaced = joined(parts.slice(0, most + 1), fresh, budget);
  const rest = parts.slice(most + 1).join(old);
  return old === "" ? replaced + rest : replaced + old + rest;
}

function join(separator: string, args: Arguments, budget: Budget): string {
  const items = itemsOf(new Bound("join", args, ["iterable"]).value("iterable"), budget);
  const texts = items.map((item, index) => {
    const text = textOf(item);
    if (text !== undefined) return text;
    throw failed(`sequence item ${index}: expected str instance, ${typeName(item)} found`);
  });
  return joined(texts, separator, budget);
}

function found(text: string, args: Arguments, name: "find" | "rfind" | "index" | "rindex"): number {
  const bound = new Bound(name, args, ["sub", ...RANGE]);
  const within = bounded(text, bound);
  if (within === undefined) return -1;
  const sub = bound.text("sub");
  const unit = name.startsWith("r") ? within.part.lastIndexOf(sub) : within.part.indexOf(sub);
  return unit === -1 ? -1 : within.begin + characterIndex(within.part, unit);
}

function present(index: number): bigint {
  if (index >= 0) return BigInt(index);
  throw failed("substring not found");
}

function count(text: string, args: Arguments): bigint {
  const bound = new Bound("count", args, ["sub", ...RANGE]);
  const within = bounded(text, bound);
  if (within === undefined) return 0n;
  const sub = bound.text("sub");
  return BigInt(sub === "" ? lengthOf(within.part) + 1 : within.part.split(sub).length - 1);
}

function justified(
  text: string,
  args: Arguments,
  budget: Budget,
  name: "center" | "ljust" | "rjust",
): string {
  const bound = new Bound(name, args, ["width", "fillchar?"]);
  const fill = bound.text("fillchar", " ");
  if (lengthOf(fill) !== 1) throw failed("The fill character must be exactly one character long");
  return justify(text, bound.int("width"), fill, budget, name);
}

export function justify(
  text: string,
  width: number,
  fill: string,
  budget: Budget,
  name: "center" | "ljust" | "rjust",
): string {
  const missing = width - lengthOf(text);
  if (missing <= 0) return text;
  budget.make(width);
  // CPython puts the odd one to the left where the width is odd.
  const left = {
    ljust: 0,
    rjust: missing,
    center: Math.floor(missing / 2) + (missing & width & 1),
  };
  return fill.repeat(left[name]) + text + fill.repeat(missing - left[name]);
}

function zeroFilled(text: string, args: Arguments, budget: Budget): string {
  const missing = new Bound("zfill", args, ["width"]).int("width") - lengthOf(text);
  if (missing <= 0) return text;
  budget.make(text.length + missing);
  const sign = /^[-+]/.exec(text)?.[0] ?? "";
  return sign + "0".repeat(missing) + text.slice(sign.length);
}

/** A method of a text that `safe` or `escape` marked: Python's Markup would escape its arguments. */
export function markupMethod(name: string): never {
  throw unsupported(`the method ${name} of text that safe or escape marked`);
}
