import { subscriptOf } from "./attributes.ts";
import type { Budget } from "../budget.ts";
import { toText } from "./print.ts";
import { isUndefined, type Value } from "./value.ts";

/** Reads "a.b.0" of a value, item by item, as `attribute=` means it; numbers are indexes. */
export function attributeGetter(
  path: Value,
  budget: Budget,
  fallback: Value = null,
): (value: Value) => Value {
  const parts: readonly Value[] =
    typeof path === "bigint"
      ? [path]
      : toText(path, budget)
          .split(".")
          .map((part) => (/^\d+$/.test(part) ? BigInt(part) : part));
  return (value) =>
    parts.reduce<Value>((item, part) => {
      const next = subscriptOf(item, part, budget);
      return isUndefined(next) && fallback !== null ? fallback : next;
    }, value);
}
