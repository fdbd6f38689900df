import type { Budget } from "../budget.ts";
import { exponentText, fixedText, floatText } from "../values/float-text.ts";
import { failed, unsupported } from "../problem.ts";
import { intText, toText } from "../values/print.ts";
import { lengthOf, sliceOf } from "../values/text.ts";
import { isObject, typeName, type Value } from "../values/value.ts";
import { textOf } from "../values/basics.ts";

// Python's format specification mini-language: [[fill]align][sign][z][#][0][width][grouping][.precision][type]
const SPEC = /^(?:([^])?([<>=^]))?([-+ ])?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([bcdeEfFgGnosxX%])?$/u;

interface Spec {
  readonly fill: string;
  readonly align: string;
  readonly sign: string;
  readonly hasPrefix: boolean;
  readonly width: number;
  readonly grouping: string;
  readonly precision: number | undefined;
  readonly type: string;
}

/** Python's `format(value, spec)`. */
export function formatValue(value: Value, spec: string, budget: Budget): string {
  if (spec === "") return toText(value, budget);
  if (isObject(value) && value.kind === "undefined") throw failed(value.reason);
  const parsed = parseSpec(spec, typeof value === "string" ? "<" : ">");
  const text = textOf(value);
  if (text !== undefined) return formatText(text, parsed, budget);
  if (typeof value === "boolean" && parsed.type === "")
    return formatNumber(BigInt(value), parsed, budget);
  if (typeof value === "boolean") return formatNumber(BigInt(value), parsed, budget);
  if (typeof value === "bigint" || typeof value === "number")
    return formatNumber(value, parsed, budget);
  throw failed(`unsupported format string passed to ${typeName(value)}.__format__`);
}

function parseSpec(spec: string, align: string): Spec {
  const match = SPEC.exec(spec);
  if (match === null) throw failed(`Invalid format specifier '${spec}'`);
  const [, fill, given, sign, prefix, zero, width, grouping, precision, type] = match;
  return {
    fill: fill ?? (zero !== undefined && given === undefined ? "0" : " "),
    align: given ?? (zero === undefined ? align : align === "<" ? "<" : "="),
    sign: sign ?? "-",
    hasPrefix: prefix !== undefined,
    width: Number(width ?? 0),
    grouping: grouping ?? "",
    precision: precision === undefined ? undefined : Number(precision),
    type: type ?? "",
  };
}

function formatText(text: string, spec: Spec, budget: Budget): string {
  if (spec.type !== "" && spec.type !== "s")
    throw failed(`Unknown format code '${spec.type}' for object of type 'str'`);
  if (spec.sign !== "-" || spec.grouping !== "" || spec.hasPrefix || spec.align === "=")
    throw failed("a format for numbers was given a text");
  const cut = spec.precision === undefined ? text : sliceOf(text, 0, spec.precision);
  return padded("", cut, spec, budget);
}

function formatNumber(value: bigint | number, spec: Spec, budget: Budget): string {
  if ((spec.precision ?? 0) > 400) throw unsupported("a precision above 400 digits");
  const isNegative = value < 0 || Object.is(value, -0);
  const sign = isNegative ? "-" : spec.sign === "-" ? "" : spec.sign;
  const digits =
    typeof value === "bigint" && !"eEfFgG%".includes(spec.type === "" ? "d" : spec.type)
      ? intDigits(isNegative ? -value : value, spec)
      : floatDigits(asFloat(value), spec);
  return padded(sign, grouped(digits, spec), spec, budget);
}

function asFloat(value: bigint | number): number {
  const float = Number(value);
  if (typeof value === "bigint" && !Number.isSafeInteger(float))
    throw unsupported("formatting an int beyond 2^53 as a float");
  return float;
}

const BASES: Readonly<Record<string, number>> = { b: 2, o: 8, x: 16, X: 16 };

function intDigits(value: bigint, { type, precision, hasPrefix }: Spec): string {
  if (precision !== undefined) throw failed("Precision not allowed in integer format specifier");
  if (type === "c" || type === "n" || type === "s") throw unsupported(`the format type ${type}`);
  const base = BASES[type];
  if (base === undefined) return intText(value);
  const text = value.toString(base);
  return (hasPrefix ? `0${type}` : "") + (type === "X" ? text.toUpperCase() : text);
}

function floatDigits(value: number, { type, precision, hasPrefix }: Spec): string {
  if (hasPrefix) throw unsupported("the alternate form of floats");
  const size = Math.abs(value);
  if (!Number.isFinite(size)) throw unsupported("formatting inf and nan");
  switch (type) {
    case "f":
    case "F":
      return fixedText(size, precision ?? 6);
    case "e":
      return exponentText(size, precision ?? 6);
    case "E":
      return exponentText(size, precision ?? 6).toUpperCase();
    case "%":
      return `${fixedText(size * 100, precision ?? 6)}%`;
    case "g":
      return generalText(size, precision ?? 6);
    case "G":
      return generalText(size, precision ?? 6).toUpperCase();
    case "":
      if (precision === undefined) return floatText(size);
      throw unsupported("a precision without a format type");
    default:
      throw failed(`Unknown format code '${type}' for object of type 'float'`);
  }
}

/** `%g`: the shorter way to write so many significant digits, without trailing zeros. */
function generalText(size: number, precision: number): string {
  const digits = Math.max(precision, 1);
  const [mantissa = "", power = "0"] = exponentText(size, digits - 1).split("e");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= digits) {
    const trimmed = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
    return `${trimmed}e${power}`;
  }
  const fixed = fixedText(size, digits - 1 - exponent);
  return fixed.includes(".") ? fixed.replace(/\.?0+$/, "") : fixed;
}

function grouped(digits: string, { grouping, type, fill, align, width }: Spec): string {
  if (grouping === "") return digits;
  if (BASES[type] !== undefined) throw unsupported("grouping digits that are not decimal");
  if (fill === "0" && align === "=" && width > 0) throw unsupported("zeros before grouped digits");
  const [, whole = "", rest = ""] = /^(\d*)([^]*)$/u.exec(digits) ?? [];
  return whole.replaceAll(/\B(?=(?:\d{3})+$)/gu, grouping) + rest;
}

function padded(sign: string, body: string, spec: Spec, budget: Budget): string {
  budget.size(spec.width);
  const missing = spec.width - lengthOf(sign + body);
  if (missing <= 0) return sign + body;
  budget.make(spec.width);
  const fill = (count: number): string => spec.fill.repeat(count);
  if (spec.align === "<") return sign + body + fill(missing);
  if (spec.align === ">") return fill(missing) + sign + body;
  if (spec.align === "=") return sign + fill(missing) + body;
  const left = Math.floor(missing / 2);
  return fill(left) + sign + body + fill(missing - left);
}
