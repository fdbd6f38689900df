import { Bound, noArguments } from "../values/arguments.ts";
import { attributeGetter } from "../values/attribute-path.ts";
import { equals, hashOf, isTrue, itemsOf, order, sizeOf, textOf } from "../values/basics.ts";
import type { Budget } from "../budget.ts";

import type { Filter } from "./filter.ts";
import { binary } from "../values/operators.ts";
import { toText } from "../values/print.ts";
import { failed, unsupported } from "../problem.ts";
import { runTest } from "./tests.ts";
import { characters } from "../values/text.ts";
import {
  isObject,
  isUndefined,
  Iterator,
  List,
  Tuple,
  typeName,
  Undefined,
  type Arguments,
  type Value,
} from "../values/value.ts";

/** Filters of jinja2 3.1 on what can be gone through. */
export const SEQUENCE_FILTERS: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  ["length", length],
  ["count", length],
  [
    "list",
    (value, args, { budget }) => (noArguments("list", args), new List(itemsOf(value, budget))),
  ],
  ["first", first],
  ["last", last],
  ["reverse", reverse],
  ["items", items],
  ["map", map],
  ["select", picking("select", false, true)],
  ["reject", picking("reject", false, false)],
  ["selectattr", picking("selectattr", true, true)],
  ["rejectattr", picking("rejectattr", true, false)],
  ["sort", sort],
  ["unique", unique],
  ["groupby", groupBy],
  ["dictsort", dictSort],
  ["min", (value, args, { budget }) => extreme("min", value, args, budget)],
  ["max", (value, args, { budget }) => extreme("max", value, args, budget)],
  ["sum", sum],
  ["batch", batch],
  ["slice", slice],
]);

function length(...[value, args]: Parameters<Filter>): Value {
  noArguments("length", args);
  const size = sizeOf(value);
  if (size === undefined) throw failed(`object of type '${typeName(value)}' has no len()`);
  return BigInt(size);
}

function first(...[value, args, { budget }]: Parameters<Filter>): Value {
  noArguments("first", args);
  const item =
    isObject(value) && value.kind === "iterator" ? value.next() : itemsOf(value, budget)[0];
  return item === undefined ? new Undefined("No first item, sequence was empty.") : item;
}

function last(...[value, args, { budget }]: Parameters<Filter>): Value {
  noArguments("last", args);
  const item = reversible(value, budget).at(-1);
  return item === undefined ? new Undefined("No last item, sequence was empty.") : item;
}

/** What Python's `reversed` takes. */
function reversible(value: Value, budget: Budget): readonly Value[] {
  if (isObject(value) && value.kind === "iterator")
    throw failed(`'${typeName(value)}' object is not reversible`);
  return itemsOf(value, budget);
}

function reverse(...[value, args, { budget }]: Parameters<Filter>): Value {
  noArguments("reverse", args);
  const text = textOf(value);
  if (text !== undefined) {
    budget.make(text.length);
    return characters(text).toReversed().join("");
  }
  const all = itemsOf(value, budget).toReversed();
  const isLazy = isObject(value) && value.kind === "iterator";
  return isLazy ? new List(all) : new Iterator(() => all);
}

function items(...[value, args]: Parameters<Filter>): Value {
  noArguments("items", args);
  if (isUndefined(value)) return new Iterator(() => []);
  if (!isObject(value) || value.kind !== "dict")
    throw failed("Can only get item pairs from a mapping.");
  return new Iterator(() => [...value.entries.values()].map((entry) => new Tuple(entry)));
}

function map(...[value, args, context]: Parameters<Filter>): Value {
  const { budget } = context;
  const [name, ...rest] = args.positional;
  if (name === undefined) {
    const bound = new Bound("map", args, ["attribute", "default?"]);
    const get = attributeGetter(bound.value("attribute"), budget, bound.value("default"));
    return new Iterator(() => itemsIfAny(value, budget).map(get));
  }
  const filter = toText(name, budget);
  const inner = { positional: rest, named: args.named };
  return new Iterator(() =>
    itemsIfAny(value, budget).map((item) => context.filter(filter, item, inner)),
  );
}

/** `select` and its like: by a test's name and arguments, or by truth; of the items or of an attribute of theirs. */
function picking(filter: string, byAttribute: boolean, keeps: boolean): Filter {
  return (value, args, { budget }) => {
    const positional = [...args.positional];
    const path = byAttribute ? positional.shift() : undefined;
    if (byAttribute && path === undefined)
      throw failed(`${filter}: the attribute's name is missing`);
    const get = path === undefined ? undefined : attributeGetter(path, budget);
    const [test, ...rest] = positional;
    const inner = { positional: rest, named: args.named };
    const name = test === undefined ? undefined : toText(test, budget);
    const holds = (item: Value): boolean =>
      name === undefined ? isTrue(item) : runTest(name, item, inner, budget);
    return new Iterator(() =>
      itemsIfAny(value, budget).filter(
        (item) => holds(get === undefined ? item : get(item)) === keeps,
      ),
    );
  };
}

/** Texts are compared in lower case unless asked otherwise. */
function foldCase(value: Value): Value {
  return typeof value === "string" ? value.toLowerCase() : value;
}

/** `map`, `select` and their like pass over everything false, None and 0 too. */
function itemsIfAny(value: Value, budget: Budget): readonly Value[] {
  return isTrue(value) ? itemsOf(value, budget) : [];
}

function keyOf(bound: Bound, budget: Budget): (value: Value) => Value {
  const path = bound.value("attribute");
  const get = path === null ? undefined : attributeGetter(path, budget, bound.value("default"));
  const fold = bound.flag("case_sensitive") ? (value: Value): Value => value : foldCase;
  return (value) => fold(get === undefined ? value : get(value));
}

/** The key of `sort`: a list, of several attributes where they are separated by commas. */
function sortKeyOf(bound: Bound, budget: Budget): (value: Value) => Value {
  const path = bound.value("attribute");
  const gets =
    path === null
      ? [(value: Value): Value => value]
      : pathsOf(path).map((part) => attributeGetter(part, budget));
  const fold = bound.flag("case_sensitive") ? (value: Value): Value => value : foldCase;
  return (value) => new List(gets.map((get) => fold(get(value))));
}

function pathsOf(path: Value): readonly Value[] {
  return typeof path === "string" ? path.split(",") : [path];
}

/** Steps that an item counts for its key, its place and the comparisons of both. */
const SORT_STEPS = 8;

/** Python's `sorted`: stable, the reverse order too. */
function sorted(
  all: readonly Value[],
  key: (value: Value) => Value,
  isReverse: boolean,
  budget: Budget,
): readonly Value[] {
  // Before the keys are made: each takes the memory of several items.
  budget.step(SORT_STEPS * all.length);
  const keyed = all.map((item) => [key(item), item] as const);
  const sign = isReverse ? -1 : 1;
  return keyed.sort(([left], [right]) => sign * order(left, right, budget)).map(([, item]) => item);
}

function sort(...[value, args, { budget }]: Parameters<Filter>): Value {
  const bound = new Bound("sort", args, ["reverse?", "case_sensitive?", "attribute?"]);
  return new List(
    sorted(itemsOf(value, budget), sortKeyOf(bound, budget), bound.flag("reverse"), budget),
  );
}

function unique(...[value, args, { budget }]: Parameters<Filter>): Value {
  const bound = new Bound("unique", args, ["case_sensitive?", "attribute?"]);
  const key = keyOf(bound, budget);
  return new Iterator(() => {
    const seen = new Set<string>();
    return itemsOf(value, budget).filter((item) => {
      const hash = hashOf(key(item));
      const isNew = !seen.has(hash);
      seen.add(hash);
      return isNew;
    });
  });
}

function groupBy(...[value, args, { budget }]: Parameters<Filter>): Value {
  const bound = new Bound("groupby", args, ["attribute", "default?", "case_sensitive?"]);
  const key = keyOf(bound, budget);
  const plain = attributeGetter(bound.value("attribute"), budget, bound.value("default"));
  const groups: { readonly key: Value; readonly items: Value[] }[] = [];
  for (const item of sorted(itemsOf(value, budget), key, false, budget)) {
    const itemKey = key(item);
    const group = groups.at(-1);
    if (group !== undefined && equals(group.key, itemKey, budget)) group.items.push(item);
    else groups.push({ key: itemKey, items: [item] });
  }
  return new List(
    groups.map(({ items: members }) => {
      const grouper = plain(members[0] ?? null);
      return new Tuple([grouper, new List(members)], ["grouper", "list"]);
    }),
  );
}

function dictSort(...[value, args, { budget }]: Parameters<Filter>): Value {
  const bound = new Bound("dictsort", args, ["case_sensitive?", "by?", "reverse?"]);
  const by = bound.text("by", "key");
  if (by !== "key" && by !== "value") throw failed('You can only sort by either "key" or "value"');
  if (!isObject(value) || value.kind !== "dict")
    throw failed(`'${typeName(value)}' object has no attribute 'items'`);
  const fold = bound.flag("case_sensitive") ? (item: Value): Value => item : foldCase;
  const pairs = [...value.entries.values()].map((entry) => new Tuple(entry));
  const key = (pair: Value): Value =>
    isObject(pair) && pair.kind === "tuple" ? fold(pair.items[by === "key" ? 0 : 1] ?? null) : null;
  return new List(sorted(pairs, key, bound.flag("reverse"), budget));
}

function extreme(name: "min" | "max", value: Value, args: Arguments, budget: Budget): Value {
  const bound = new Bound(name, args, ["case_sensitive?", "attribute?"]);
  const key = keyOf(bound, budget);
  const all = itemsOf(value, budget);
  const [start] = all;
  if (start === undefined) return new Undefined("No aggregated item, sequence was empty.");
  const sign = name === "min" ? -1 : 1;
  return all.reduce(
    (best, item) => (sign * order(key(item), key(best), budget) > 0 ? item : best),
    start,
  );
}

function sum(...[value, args, { budget }]: Parameters<Filter>): Value {
  const bound = new Bound("sum", args, ["attribute?", "start?"]);
  const path = bound.value("attribute");
  const get = path === null ? undefined : attributeGetter(path, budget);
  const start = bound.value("start", 0n);
  if (typeof start === "string") throw failed("sum() can't sum strings [use ''.join(seq) instead]");
  const all = itemsOf(value, budget);
  const numbers = get === undefined ? all : all.map(get);
  // Since Python 3.12 floats are added with a correction, before it without: only one of both can be right.
  if (numbers.some((item) => typeof item === "number") && numbers.length > 2)
    throw unsupported("the sum of more than two floats");
  return numbers.reduce((total, item) => binary("+", total, item, budget), start);
}

function batch(...[value, args, { budget }]: Parameters<Filter>): Value {
  const bound = new Bound("batch", args, ["linecount", "fill_with?"]);
  const [size, fill] = [bound.int("linecount"), bound.value("fill_with")];
  if (size < 1) throw unsupported(`batches of ${size}`);
  return new Iterator(() => {
    const all = itemsOf(value, budget);
    const rows: Value[] = [];
    for (let begin = 0; begin < all.length; begin += size) {
      const row = all.slice(begin, begin + size);
      if (fill !== null) {
        budget.step(size);
        while (row.length < size) row.push(fill);
      }
      rows.push(new List(row));
    }
    return rows;
  });
}

function slice(...[value, args, { budget }]: Parameters<Filter>): Value {
  const bound = new Bound("slice", args, ["slices", "fill_with?"]);
  const [slices, fill] = [bound.int("slices"), bound.value("fill_with")];
  if (slices < 1) throw unsupported(`${slices} slices`);
  return new Iterator(() => {
    const all = itemsOf(value, budget);
    budget.step(slices);
    const least = Math.floor(all.length / slices);
    const longer = all.length % slices;
    let begin = 0;
    return Array.from({ length: slices }, (_, index) => {
      const end = begin + least + (index < longer ? 1 : 0);
      const column = all.slice(begin, end);
      begin = end;
      if (fill !== null && index >= longer) column.push(fill);
      return new List(column);
    });
  });
}
