import { isBoxedNumber } from "../../python-json.ts";
import { dictOf } from "./basics.ts";
import { Dict, List, Undefined, type Value } from "./value.ts";

/**
 * A value of JSON as Python's `json` reads it: whole numbers become ints, but for boxed ones, which were written with a point
 * (`parsePythonJson`). What is `undefined` becomes an undefined variable.
 */
export function fromJson(value: unknown): Value {
  if (value === undefined) return new Undefined("not defined");
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number")
    return Number.isSafeInteger(value) && !Object.is(value, -0) ? BigInt(value) : value;
  if (typeof value === "bigint") return value;
  if (isBoxedNumber(value)) return Number(value);
  if (Array.isArray(value)) return new List(value.map(fromJson));
  if (typeof value === "object")
    return dictOf(
      Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([key, item]: readonly [string, unknown]) => [key, fromJson(item)]),
    );
  return new Dict(new Map());
}
