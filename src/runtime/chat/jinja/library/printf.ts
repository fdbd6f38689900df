import { numeric } from "../values/basics.ts";
import type { Budget } from "../budget.ts";
import { formatValue } from "./format-spec.ts";
import { failed, unsupported } from "../problem.ts";
import { represent, toText } from "../values/print.ts";
import { isNumber, isObject, typeName, type Value } from "../values/value.ts";

const DIRECTIVE = /%(?:\(([^)]*)\))?([-#0 +]*)(\*|\d+)?(?:\.(\*|\d+))?[hlL]?([^]|$)/gu;

/** Python's `text % value`. */
export function printf(format: string, value: Value, budget: Budget): string {
  const isTuple = isObject(value) && value.kind === "tuple";
  const items = isTuple ? value.items : [value];
  let taken = 0;
  let usesKeys = false;
  budget.make(format.length);
  const text = format.replaceAll(
    DIRECTIVE,
    (
      _whole,
      key: string | undefined,
      flags: string,
      width: string | undefined,
      precision: string | undefined,
      type: string,
    ) => {
      if (type === "%") return "%";
      if (type === "") throw failed("incomplete format");
      if (width === "*" || precision === "*") throw unsupported("a width given as an argument");
      let item: Value | undefined;
      if (key === undefined) item = items[taken++];
      else {
        usesKeys = true;
        if (!isObject(value) || value.kind !== "dict") throw failed("format requires a mapping");
        item = value.entries.get(`s${key}`)?.[1];
        if (item === undefined) throw failed(`KeyError: '${key}'`);
      }
      if (item === undefined) throw failed("not enough arguments for format string");
      return directive(item, { flags, width: width ?? "", precision, type }, budget);
    },
  );
  // A dict, or anything that is no tuple and has items, may stand there unused.
  const mayStay =
    usesKeys || (!isTuple && isObject(value) && ["dict", "list"].includes(value.kind));
  if (taken < items.length && !mayStay)
    throw failed("not all arguments converted during string formatting");
  budget.make(text.length);
  return text;
}

interface Directive {
  readonly flags: string;
  readonly width: string;
  readonly precision: string | undefined;
  readonly type: string;
}

function directive(
  item: Value,
  { flags, width, precision, type }: Directive,
  budget: Budget,
): string {
  const fraction = precision === undefined ? "" : `.${precision}`;
  if (type === "s" || type === "r" || type === "a") {
    if (type === "a") throw unsupported("the format %a");
    const text = type === "s" ? toText(item, budget) : represent(item, budget);
    return formatValue(text, `${flags.includes("-") ? "<" : ">"}${width}${fraction}`, budget);
  }
  if (!"diufFeEgGxXo".includes(type))
    throw type === "c"
      ? unsupported("the format %c")
      : failed(`unsupported format character '${type}'`);
  if (!isNumber(item)) throw failed(`%${type} format: a number is required, not ${typeName(item)}`);
  const number = numeric(item);
  const sign = flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
  const pad = flags.includes("-") ? "<" : flags.includes("0") ? "0=" : ">";
  if ("diu".includes(type)) {
    if (precision !== undefined) throw unsupported("a precision of %d");
    if (typeof number === "number" && !Number.isFinite(number))
      throw failed("cannot convert float to integer");
    const whole = typeof number === "number" ? BigInt(Math.trunc(number)) : number;
    return formatValue(whole, `${pad}${sign}${width}d`, budget);
  }
  if ("xXo".includes(type)) {
    if (typeof number === "number")
      throw failed(`%${type} format: an integer is required, not float`);
    if (precision !== undefined) throw unsupported(`a precision of %${type}`);
  } else if (flags.includes("#")) throw unsupported("the alternate form of floats");
  const prefix = flags.includes("#") ? "#" : "";
  return formatValue(number, `${pad}${sign}${prefix}${width}${fraction}${type}`, budget);
}
