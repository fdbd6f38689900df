import { failed } from "../problem.ts";
import { characters, compareTexts, lengthOf } from "./text.ts";
import { Dict, isNumber, isObject, typeName, type Value } from "./value.ts";
import type { Budget } from "../budget.ts";

/** Python's `bool(value)`. */
export function isTrue(value: Value): boolean {
  if (value === null) return false;
  if (!isObject(value)) return Boolean(value);
  switch (value.kind) {
    case "undefined":
      return false;
    case "list":
    case "tuple":
      return value.items.length > 0;
    case "dict":
      return value.entries.size > 0;
    case "view":
      return value.dict.entries.size > 0;
    case "range":
      return value.length > 0;
    case "markup":
      return value.text !== "";
    case "host":
      return value.length === undefined || value.length() > 0;
    default:
      return true;
  }
}

/** Python's `list(value)`, each item a step. @throws JinjaError for what cannot be gone through. */
export function itemsOf(value: Value, budget: Budget): readonly Value[] {
  const items = rawItems(value);
  budget.step(1 + items.length);
  return items;
}

function rawItems(value: Value): readonly Value[] {
  if (typeof value === "string") return characters(value);
  if (isObject(value)) {
    switch (value.kind) {
      case "undefined":
        return [];
      case "list":
      case "tuple":
      case "view":
      case "range":
        return value.items;
      case "dict":
        return Array.from(value.entries.values(), ([key]) => key);
      case "iterator":
        return value.rest();
      case "markup":
        return characters(value.text);
      case "namespace":
      case "callable":
      case "host":
    }
  }
  throw failed(`'${typeName(value)}' object is not iterable`);
}

export function isIterable(value: Value): boolean {
  if (typeof value === "string") return true;
  return isObject(value) && !["namespace", "callable", "host"].includes(value.kind);
}

/** Python's `len(value)`; undefined for what has none. */
export function sizeOf(value: Value): number | undefined {
  if (typeof value === "string") return lengthOf(value);
  if (!isObject(value)) return undefined;
  switch (value.kind) {
    case "undefined":
      return 0;
    case "list":
    case "tuple":
      return value.items.length;
    case "dict":
      return value.entries.size;
    case "view":
      return value.dict.entries.size;
    case "range":
      return value.length;
    case "markup":
      return lengthOf(value.text);
    case "host":
      return value.length?.();
    default:
      return undefined;
  }
}

/** What tells a dict's keys apart: 1, 1.0 and True are one key. @throws JinjaError for a list or a dict. */
export function hashOf(key: Value): string {
  if (typeof key === "string") return `s${key}`;
  if (key === null) return "none";
  if (isNumber(key))
    return typeof key === "number" && !Number.isInteger(key) ? `f${key}` : `i${BigInt(key)}`;
  switch (key.kind) {
    case "markup":
      return `s${key.text}`;
    case "tuple":
      return `t${JSON.stringify(key.items.map(hashOf))}`;
    case "undefined":
      return "undefined";
    default:
      throw failed(`unhashable type: '${typeName(key)}'`);
  }
}

export function dictOf(pairs: Iterable<readonly [Value, Value]>): Dict {
  const entries = new Map<string, readonly [Value, Value]>();
  for (const [key, value] of pairs) {
    const hash = hashOf(key);
    // A key that comes again keeps its place and its first spelling.
    entries.set(hash, [entries.get(hash)?.[0] ?? key, value]);
  }
  return new Dict(entries);
}

/** Python's `left == right`. */
export function equals(left: Value, right: Value, budget: Budget): boolean {
  budget.step();
  if (isNumber(left) && isNumber(right)) return numeric(left) == numeric(right);
  const texts = [textOf(left), textOf(right)] as const;
  if (texts[0] !== undefined && texts[1] !== undefined) return texts[0] === texts[1];
  if (!isObject(left) || !isObject(right)) return left === right;
  if ((left.kind === "list" || left.kind === "tuple") && right.kind === left.kind) {
    const others = right.items;
    return (
      left.items.length === others.length &&
      budget.nested(() =>
        left.items.every((item, index) => equals(item, others[index] ?? null, budget)),
      )
    );
  }
  if (left.kind === "dict" && right.kind === "dict") return equalDicts(left, right, budget);
  if (left.kind === "undefined" && right.kind === "undefined") return true;
  if (left.kind === "range" && right.kind === "range")
    return (
      left.length === right.length && left.items.every((item, index) => item === right.items[index])
    );
  if (left.kind === "view" && right.kind === "view")
    throw failed("comparing the views of dicts is not supported");
  return left === right;
}

function equalDicts(left: Dict, right: Dict, budget: Budget): boolean {
  if (left.entries.size !== right.entries.size) return false;
  return budget.nested(() =>
    [...left.entries].every(([hash, [, value]]) => {
      const other = right.entries.get(hash);
      return other !== undefined && equals(value, other[1], budget);
    }),
  );
}

export function textOf(value: Value): string | undefined {
  if (typeof value === "string") return value;
  return isObject(value) && value.kind === "markup" ? value.text : undefined;
}

/** bool as the int that it is. */
export function numeric(value: boolean | bigint | number): bigint | number {
  return typeof value === "boolean" ? BigInt(value) : value;
}

/** Below 0, 0 or above 0, as Python orders two values; NaN where one is NaN. @throws JinjaError for values without an order. */
export function order(left: Value, right: Value, budget: Budget, sign = "<"): number {
  budget.step();
  if (isNumber(left) && isNumber(right)) {
    const [a, b] = [numeric(left), numeric(right)];
    if (a < b) return -1;
    if (a > b) return 1;
    return a == b ? 0 : Number.NaN;
  }
  const [leftText, rightText] = [textOf(left), textOf(right)];
  if (leftText !== undefined && rightText !== undefined) return compareTexts(leftText, rightText);
  if (isObject(left) && isObject(right)) {
    const undefinedOne = [left, right].find(({ kind }) => kind === "undefined");
    if (undefinedOne?.kind === "undefined") throw failed(undefinedOne.reason);
    if ((left.kind === "list" || left.kind === "tuple") && right.kind === left.kind)
      return orderItems(left.items, right.items, budget, sign);
  }
  for (const side of [left, right])
    if (isObject(side) && side.kind === "undefined") throw failed(side.reason);
  throw failed(
    `'${sign}' not supported between instances of '${typeName(left)}' and '${typeName(right)}'`,
  );
}

function orderItems(
  left: readonly Value[],
  right: readonly Value[],
  budget: Budget,
  sign: string,
): number {
  const shortest = Math.min(left.length, right.length);
  for (let index = 0; index < shortest; index++) {
    const [a = null, b = null] = [left[index], right[index]];
    if (equals(a, b, budget)) continue;
    return budget.nested(() => order(a, b, budget, sign));
  }
  return left.length - right.length;
}

/** Python's `item in container`. */
export function contains(container: Value, item: Value, budget: Budget): boolean {
  const text = textOf(container);
  if (text !== undefined) {
    const part = textOf(item);
    if (part !== undefined) return text.includes(part);
    throw failed(`'in <string>' requires string as left operand, not ${typeName(item)}`);
  }
  if (isObject(container)) {
    if (container.kind === "dict") return container.entries.has(hashOf(item));
    if (container.kind === "range" && typeof item === "bigint") return inRange(container, item);
  }
  if (!isIterable(container))
    throw failed(`argument of type '${typeName(container)}' is not iterable`);
  return itemsOf(container, budget).some((other) => other === item || equals(other, item, budget));
}

function inRange(
  { begin, end, step }: { readonly begin: bigint; readonly end: bigint; readonly step: bigint },
  item: bigint,
): boolean {
  const isWithin = step > 0n ? item >= begin && item < end : item <= begin && item > end;
  return isWithin && (item - begin) % step === 0n;
}
