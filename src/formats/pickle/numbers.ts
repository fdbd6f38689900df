/*
 * How numbers are spelled in the text opcodes of protocol 0. CPython has two readers, which differ: Modules/_pickle.c hands
 * the line to `strtol`, `PyLong_FromString` and `PyOS_string_to_double`, Lib/pickle.py to `int` and `float` (v3.11.7). What
 * either takes is read here, as the value that it takes it for.
 */

/** Digits of Python's `int` in one go; CPython refuses more than 4300. */
const MAX_DIGITS = 4300;

const DECIMAL = /^[\t-\r ]*([-+]?)(\d+(?:_\d+)*)[\t-\r ]*$/;

/** Base 0: a prefix names the base; zeros alone may be any number. */
const ANY_BASE =
  /^[\t-\r ]*([-+]?)(0[xX]_?[\da-fA-F]+(?:_[\da-fA-F]+)*|0[oO]_?[0-7]+(?:_[0-7]+)*|0[bB]_?[01]+(?:_[01]+)*|[1-9]\d*(?:_\d+)*|0+(?:_0+)*)[\t-\r ]*$/;

/** `strtol` takes a leading zero for base 8. */
const OLD_OCTAL = /^[\t-\r ]*([-+]?)0([0-7]+)$/;

/** The index of GET and PUT. */
export function parseDecimal(line: string): bigint | undefined {
  return signed(DECIMAL.exec(cString(line)), "");
}

/** The argument of LONG, less its `L`. */
export function parseLong(line: string): bigint | undefined {
  const text = line.endsWith("L") ? line.slice(0, -1) : line;
  return signed(ANY_BASE.exec(cString(text)), "");
}

/** The argument of INT: a truth value where it is written in two characters. */
export function parseInteger(line: string): bigint | boolean | undefined {
  const text = cString(line);
  const value = signed(ANY_BASE.exec(text), "") ?? signed(OLD_OCTAL.exec(text), "0o");
  if (line.length === 2 && value === 0n) return false;
  if (line.length === 2 && value === 1n) return true;
  return value;
}

const FLOAT =
  /^[\t-\r ]*[-+]?(\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(e[-+]?\d+(?:_\d+)*)?[\t-\r ]*$/i;
const SPECIAL = /^[\t-\r ]*([-+]?)(inf|infinity|nan)[\t-\r ]*$/i;

/** The argument of FLOAT. */
export function parseFloatLine(line: string): number | undefined {
  const text = cString(line);
  const [, sign, name] = SPECIAL.exec(text) ?? [];
  if (name !== undefined) {
    if (name.toLowerCase() === "nan") return Number.NaN;
    return sign === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  return FLOAT.test(text) ? Number(text.replaceAll("_", "")) : undefined;
}

function signed(match: RegExpExecArray | null, prefix: string): bigint | undefined {
  const [, sign, digits] = match ?? [];
  if (digits === undefined || digits.length > MAX_DIGITS) return undefined;
  const value = BigInt(prefix + digits.replaceAll("_", ""));
  return sign === "-" ? -value : value;
}

/** The line as C sees it: up to its first NUL. */
function cString(line: string): string {
  const end = line.indexOf("\0");
  return end < 0 ? line : line.slice(0, end);
}
