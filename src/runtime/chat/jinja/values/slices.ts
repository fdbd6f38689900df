import { clamped } from "./arguments.ts";
import { textOf } from "./basics.ts";
import type { Budget } from "../budget.ts";
import { failed, unsupported } from "../problem.ts";
import { characters } from "./text.ts";
import { isObject, List, Range, Tuple, type Value } from "./value.ts";

/** What stands between the colons; null where nothing does. */
export interface SliceBounds {
  readonly begin: Value;
  readonly end: Value;
  readonly step: Value;
}

/** Python's `value[begin:end:step]`; undefined for what has no slices. */
export function sliceItems(value: Value, bounds: SliceBounds, budget: Budget): Value | undefined {
  const text = textOf(value);
  if (text !== undefined) {
    const picked = picks(characters(text), bounds);
    if (picked === undefined) return undefined;
    budget.make(text.length);
    return picked.join("");
  }
  if (!isObject(value)) return undefined;
  if (value.kind !== "list" && value.kind !== "tuple" && value.kind !== "range") return undefined;
  const picked = picks(value.items, bounds);
  if (picked === undefined) return undefined;
  budget.step(picked.length);
  if (value.kind === "list") return new List(picked);
  return value.kind === "tuple" ? new Tuple(picked) : rangeOf(value, bounds, picked);
}

/** PySlice_AdjustIndices: bounds from the end where negative, cut to the sequence. Undefined where Python raises a TypeError. */
function picks<Item>(items: readonly Item[], bounds: SliceBounds): Item[] | undefined {
  const given = [bounds.begin, bounds.end, bounds.step];
  if (given.some((value) => indexOf(value) === undefined && value !== null)) return undefined;
  const step = indexOf(bounds.step) ?? 1;
  // Jinja passes a TypeError over, but not this.
  if (step === 0) throw failed("slice step cannot be zero");
  const size = items.length;
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const within = (value: Value, fallback: number): number => {
    const index = indexOf(value);
    if (index === undefined) return fallback;
    return Math.min(Math.max(index < 0 ? index + size : index, low), high);
  };
  const begin = within(bounds.begin, step > 0 ? low : high);
  const end = within(bounds.end, step > 0 ? high : low);
  const picked: Item[] = [];
  for (let index = begin; step > 0 ? index < end : index > end; index += step) {
    const item = items[index];
    if (item !== undefined) picked.push(item);
  }
  return picked;
}

function indexOf(value: Value): number | undefined {
  if (typeof value === "bigint" || typeof value === "boolean") return clamped(BigInt(value));
  if (isObject(value) && value.kind === "undefined") throw failed(value.reason);
  return undefined;
}

function rangeOf(range: Range, bounds: SliceBounds, picked: readonly Value[]): Range {
  const step = range.step * BigInt(indexOf(bounds.step) ?? 1);
  const first = picked[0];
  // Python keeps the bounds of an empty slice, which only printing it shows.
  if (typeof first !== "bigint") throw unsupported("an empty slice of a range");
  return new Range(first, first + step * BigInt(picked.length), step);
}
