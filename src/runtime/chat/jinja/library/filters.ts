import { Bound, noArguments } from "../values/arguments.ts";
import { attributeOf } from "../values/attributes.ts";
import { isTrue, numeric, textOf } from "../values/basics.ts";
import type { Filter, FilterContext } from "./filter.ts";
import { SEQUENCE_FILTERS } from "./filters-sequence.ts";
import { TEXT_FILTERS } from "./filters-text.ts";
import { roundFloat } from "../values/float-text.ts";
import { failed, unsupported } from "../problem.ts";

import { FILTER_NAMES } from "./tests.ts";
import { trimText } from "./text-methods.ts";
import {
  isNumber,
  isObject,
  isUndefined,
  typeName,
  Undefined,
  type Arguments,
  type Value,
} from "../values/value.ts";

/** Filters of jinja2 3.1 that no chat template is known to need: HTML, chance and layout for people. */
const UNSUPPORTED = [
  "filesizeformat",
  "forceescape",
  "pprint",
  "random",
  "striptags",
  "urlize",
  "wordwrap",
  "xmlattr",
];

const FILTERS: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  ...TEXT_FILTERS,
  ...SEQUENCE_FILTERS,
  ["default", byDefault],
  ["d", byDefault],
  ["attr", attr],
  ["abs", abs],
  ["int", toInt],
  ["float", toFloat],
  ["round", round],
]);
for (const name of [...FILTERS.keys(), ...UNSUPPORTED]) FILTER_NAMES.add(name);

/** `value | name(…)`. @throws JinjaError for a filter that there is not, "unsupported" for one that is not here. */
export function runFilter(
  name: string,
  value: Value,
  args: Arguments,
  budget: FilterContext["budget"],
): Value {
  budget.step();
  const filter = FILTERS.get(name);
  if (filter === undefined)
    throw UNSUPPORTED.includes(name)
      ? unsupported(`the filter ${name}`)
      : failed(`No filter named '${name}'.`);
  const context: FilterContext = {
    budget,
    filter: (inner, item, given) => runFilter(inner, item, given, budget),
  };
  return budget.nested(() => filter(value, args, context));
}

function byDefault(...[value, args]: Parameters<Filter>): Value {
  const bound = new Bound("default", args, ["default_value?", "boolean?"]);
  const isMissing = isUndefined(value) || (isTrue(bound.value("boolean", false)) && !isTrue(value));
  return isMissing ? bound.value("default_value", "") : value;
}

function attr(...[value, args, { budget }]: Parameters<Filter>): Value {
  const name = new Bound("attr", args, ["name"]).text("name");
  const attribute = attributeOf(value, name, budget);
  return attribute === undefined
    ? new Undefined(`'${typeName(value)} object' has no attribute '${name}'`)
    : attribute;
}

function abs(...[value, args]: Parameters<Filter>): Value {
  noArguments("abs", args);
  if (isObject(value) && value.kind === "undefined") throw failed(value.reason);
  if (!isNumber(value)) throw failed(`bad operand type for abs(): '${typeName(value)}'`);
  const number = numeric(value);
  return typeof number === "number" ? Math.abs(number) : number < 0n ? -number : number;
}

const FLOAT = /^[-+]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[-+]?\d+(?:_\d+)*)?$/i;

/** Python's `float(value)`; undefined where it raises. */
function floatOf(value: Value): number | undefined {
  if (isNumber(value)) return Number(value);
  const text = textOf(value);
  if (text === undefined) {
    if (isObject(value) && value.kind === "undefined") throw failed(value.reason);
    return undefined;
  }
  const trimmed = trimText(text, undefined, true, true);
  if (FLOAT.test(trimmed)) return Number(trimmed.replaceAll("_", ""));
  const special = /^([-+]?)(inf|infinity|nan)$/i.exec(trimmed);
  if (special !== null) {
    const size = special[2]?.toLowerCase() === "nan" ? Number.NaN : Number.POSITIVE_INFINITY;
    return special[1] === "-" ? -size : size;
  }
  if (/\p{Nd}/u.test(trimmed.replaceAll(/[0-9]/g, "")))
    throw unsupported("numbers in digits beyond ASCII");
  return undefined;
}

function toFloat(...[value, args]: Parameters<Filter>): Value {
  const bound = new Bound("float", args, ["default?"]);
  const float = floatOf(value);
  return float === undefined ? bound.value("default", 0) : float;
}

function toInt(...[value, args]: Parameters<Filter>): Value {
  const bound = new Bound("int", args, ["default?", "base?"]);
  if (bound.int("base", 10) !== 10) throw unsupported("int with another base than 10");
  if (typeof value === "bigint" || typeof value === "boolean") return BigInt(value);
  const text = textOf(value);
  const digits = text === undefined ? undefined : trimText(text, undefined, true, true);
  if (digits !== undefined && /^[-+]?\d+(?:_\d+)*$/.test(digits)) {
    if (digits.length > 4300) throw unsupported("an int of more than 4300 digits");
    return BigInt(digits.replaceAll("_", "").replace("+", ""));
  }
  const float = floatOf(value);
  if (float === undefined || !Number.isFinite(float)) {
    if (typeof value === "number" && !Number.isNaN(value))
      throw failed("cannot convert float infinity to integer");
    return bound.value("default", 0n);
  }
  return BigInt(Math.trunc(float));
}

function round(...[value, args]: Parameters<Filter>): Value {
  const bound = new Bound("round", args, ["precision?", "method?"]);
  const method = bound.text("method", "common");
  const precision = bound.int("precision", 0);
  if (isObject(value) && value.kind === "undefined") throw failed(value.reason);
  if (!isNumber(value)) throw failed(`type ${typeName(value)} doesn't define __round__ method`);
  const number = numeric(value);
  if (method === "common") {
    if (typeof number === "number") return roundFloat(number, precision);
    if (precision < 0) throw unsupported("rounding an int to tens");
    return number;
  }
  if (method !== "ceil" && method !== "floor") throw failed("method must be common, ceil or floor");
  if (precision < 0 || precision > 22) throw unsupported(`a precision of ${precision}`);
  const factor = 10 ** precision;
  const scaled = Number(number) * factor;
  // Python's ceil and floor are ints, which have no negative zero.
  const whole = (method === "ceil" ? Math.ceil(scaled) : Math.floor(scaled)) + 0;
  return whole / factor;
}
