import { Bound, clamped, noArguments } from "./arguments.ts";
import { equals, hashOf } from "./basics.ts";
import type { Budget } from "../budget.ts";
import { failed, unsupported } from "../problem.ts";
import { sliceItems, type SliceBounds } from "./slices.ts";
import { characters } from "./text.ts";
import { markupMethod, TEXT_METHODS, UNSUPPORTED_TEXT_METHODS } from "../library/text-methods.ts";
import {
  Callable,
  isObject,
  typeName,
  Undefined,
  View,
  type Dict,
  type Namespace,
  type Value,
} from "./value.ts";

/** `object.name`: the attribute, else the item of that key, else undefined (jinja2's `Environment.getattr`). */
export function memberOf(object: Value, name: string, budget: Budget): Value {
  budget.step();
  const attribute = attributeOf(object, name, budget);
  if (attribute !== undefined) return attribute;
  const item = itemOf(object, name, budget);
  return item === undefined ? missing(object, name) : item;
}

/** `object[key]`: the item, else for a text as key the attribute of that name (`Environment.getitem`). */
export function subscriptOf(object: Value, key: Value, budget: Budget): Value {
  budget.step();
  const item = itemOf(object, key, budget);
  if (item !== undefined) return item;
  const attribute = typeof key === "string" ? attributeOf(object, key, budget) : undefined;
  return attribute === undefined
    ? missing(object, typeof key === "string" ? key : typeName(key))
    : attribute;
}

function missing(object: Value, name: string): Undefined {
  if (isObject(object) && object.kind === "undefined") throw failed(object.reason);
  return new Undefined(`'${typeName(object)} object' has no attribute '${name}'`);
}

/** `object[begin:end:step]`. */
export function slicedOf(object: Value, bounds: SliceBounds, budget: Budget): Value {
  budget.step();
  if (isObject(object) && object.kind === "undefined") throw failed(object.reason);
  const part = sliceItems(object, bounds, budget);
  if (part !== undefined) return part;
  // Python raises, but jinja2 gives an undefined value where it computes constants beforehand.
  throw unsupported(`a slice of a ${typeName(object)}`);
}

/** The item of a key; undefined where Python raises and Jinja looks on. */
function itemOf(object: Value, key: Value, budget: Budget): Value | undefined {
  if (typeof object === "string" || (isObject(object) && object.kind === "markup")) {
    const text = typeof object === "string" ? object : object.text;
    const all = typeof key === "bigint" || typeof key === "boolean" ? characters(text) : [];
    budget.step(Math.floor(all.length / 64));
    return indexed(all, key);
  }
  if (!isObject(object)) return undefined;
  switch (object.kind) {
    case "undefined":
      throw failed(object.reason);
    case "list":
    case "tuple":
      return indexed(object.items, key);
    case "range": {
      const index = wholeIndex(key, object.length);
      return index === undefined ? undefined : object.begin + BigInt(index) * object.step;
    }
    case "dict":
      return object.entries.get(isHashable(key) ? hashOf(key) : "")?.[1];
    default:
      return undefined;
  }
}

function isHashable(key: Value): boolean {
  return !isObject(key) || !["list", "dict"].includes(key.kind);
}

function indexed(items: readonly Value[], key: Value): Value | undefined {
  const index = wholeIndex(key, items.length);
  return index === undefined ? undefined : items[index];
}

function wholeIndex(key: Value, size: number): number | undefined {
  if (typeof key !== "bigint" && typeof key !== "boolean") return undefined;
  const index = clamped(BigInt(key));
  const place = index < 0 ? index + size : index;
  return place >= 0 && place < size ? place : undefined;
}

/** A method or attribute as Python has it; undefined where it has none. */
export function attributeOf(object: Value, name: string, budget: Budget): Value | undefined {
  if (isObject(object) && object.kind === "undefined")
    // Python looks for these on the undefined value itself.
    throw failed(object.reason);
  if (name.startsWith("__") && name.endsWith("__")) return unsafe(object, name);
  if (typeof object === "string") return textAttribute(object, name, budget);
  if (!isObject(object)) return numberAttribute(object, name);
  switch (object.kind) {
    case "markup":
      return TEXT_METHODS.has(name) || UNSUPPORTED_TEXT_METHODS.has(name)
        ? markupMethod(name)
        : undefined;
    case "dict":
      return dictAttribute(object, name);
    case "list":
      return LIST_MUTATORS.has(name)
        ? unsafe(object, name)
        : sequenceAttribute(object, name, budget);
    case "tuple": {
      const place = object.names.indexOf(name);
      return place === -1 ? sequenceAttribute(object, name, budget) : object.items[place];
    }
    case "range":
      if (name === "start") return object.begin;
      if (name === "stop") return object.end;
      return name === "step" ? object.step : sequenceAttribute(object, name, budget);
    case "namespace":
      return namespaceAttribute(object, name);
    case "callable":
      return object.attributes.get(name);
    case "host":
      return object.attribute(name);
    default:
      if (OTHER_MEMBERS.has(name)) throw unsupported(`${typeName(object)}.${name}`);
      return undefined;
  }
}

const OTHER_MEMBERS = new Set(["isdisjoint", "mapping", "send", "throw", "close"]);

/** jinja2's sandbox gives an undefined value, which fails where it is used. */
function unsafe(object: Value, name: string): Undefined {
  return new Undefined(`access to attribute '${name}' of '${typeName(object)}' object is unsafe.`);
}

/** Methods of str whose arguments have names (CPython 3.14). */
const TAKES_KEYWORDS = new Set(["split", "rsplit", "splitlines", "replace", "format"]);

function textAttribute(text: string, name: string, budget: Budget): Value | undefined {
  const method = TEXT_METHODS.get(name);
  if (method !== undefined)
    return new Callable(name, (args) => {
      if (args.named.size > 0 && !TAKES_KEYWORDS.has(name))
        throw failed(`str.${name}() takes no keyword arguments`);
      return method(text, args, budget);
    });
  if (UNSUPPORTED_TEXT_METHODS.has(name)) throw unsupported(`the method ${name} of a text`);
  return undefined;
}

const NUMBER_MEMBERS = new Set([
  "as_integer_ratio",
  "bit_count",
  "bit_length",
  "conjugate",
  "denominator",
  "from_bytes",
  "fromhex",
  "hex",
  "imag",
  "is_integer",
  "numerator",
  "real",
  "to_bytes",
]);

function numberAttribute(value: Value, name: string): undefined {
  if (value !== null && NUMBER_MEMBERS.has(name)) throw unsupported(`${typeName(value)}.${name}`);
}

const LIST_MUTATORS = new Set([
  "append",
  "clear",
  "extend",
  "insert",
  "pop",
  "remove",
  "reverse",
  "sort",
]);
const DICT_MUTATORS = new Set(["clear", "pop", "popitem", "setdefault", "update"]);

function sequenceAttribute(
  object: Value & { readonly items: readonly Value[] },
  name: string,
  budget: Budget,
): Value | undefined {
  if (name === "copy" && typeName(object) === "list")
    return new Callable(name, (args) => (noArguments(name, args), object));
  if (name === "count")
    return new Callable(name, (args) => {
      const wanted = new Bound(name, args, ["value"]).value("value");
      return BigInt(object.items.filter((item) => equals(item, wanted, budget)).length);
    });
  if (name === "index")
    return new Callable(name, (args) => {
      const wanted = new Bound(name, args, ["value"]).value("value");
      const place = object.items.findIndex((item) => equals(item, wanted, budget));
      if (place >= 0) return BigInt(place);
      throw failed("the value is not in the list");
    });
  return undefined;
}

function dictAttribute(dict: Dict, name: string): Value | undefined {
  switch (name) {
    case "keys":
    case "values":
    case "items":
      return new Callable(name, (args) => (noArguments(name, args), new View(name, dict)));
    case "copy":
      return new Callable(name, (args) => (noArguments(name, args), dict));
    case "get":
      return new Callable(name, (args) => {
        const bound = new Bound(name, args, ["key", "default?"]);
        const entry = dict.entries.get(hashOf(bound.value("key")));
        return entry === undefined ? bound.value("default") : entry[1];
      });
    case "fromkeys":
      throw unsupported("dict.fromkeys");
    default:
      return DICT_MUTATORS.has(name) ? unsafe(dict, name) : undefined;
  }
}

function namespaceAttribute({ attributes }: Namespace, name: string): Value | undefined {
  return attributes.get(name);
}
