import { floatText } from "../../runtime/chat/jinja/values/float-text.ts";

/** Cells that pandas takes for nothing, quoted or not (`pandas._libs.parsers.STR_NA_VALUES`, 2.2.3). */
const NOTHING = new Set(
  "|#N/A|#N/A N/A|#NA|-1.#IND|-1.#QNAN|-NaN|-nan|1.#IND|1.#QNAN|<NA>|N/A|NA|NULL|NaN|None|n/a|nan|null".split(
    "|",
  ),
);
const NONE = "None";
const INTEGER = /^[ \t\v\f\r\n]*([+-]?\d+)[ \t\v\f\r\n]*$/;
const FLOAT =
  /^[ \t\v\f\r\n]*([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:[eE]([+-]?\d+))?[ \t\v\f\r\n]*$/;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;
const TRUTH = new Map([
  ...["True", "TRUE", "true"].map((text) => [text, "True"] as const),
  ...["False", "FALSE", "false"].map((text) => [text, "False"] as const),
]);
/** Digits that count, zeros before others among them; pandas passes over those behind them. */
const DIGITS = 17;

/**
 * Columns of a CSV file as `datasets.load_dataset("csv")` gives them, which reads with pandas, and as a prompt prints them: a column of
 * which all cells are whole numbers has 7 for "007", with decimals 1.5 for "1.50" and 2.0 for "2", and as soon as a cell is empty, 1.0
 * for "1". Cells that stand for nothing are None, whatever the column.
 */
export function pandasColumn(cells: readonly string[]): readonly string[] {
  const some = cells.filter((cell) => !NOTHING.has(cell));
  const isBroken = some.length < cells.length;
  const kinds = some.map(kindOf);
  const printed = printerOf(some, kinds, isBroken);
  return cells.map((cell) => (printed !== AS_IS && NOTHING.has(cell) ? NONE : printed(cell)));
}

type Kind = "signed" | "unsigned" | "too large" | "other";
type Printer = (cell: string) => string;

const TEXT: Printer = (cell) => cell;
/** Also cells that stand for nothing. */
const AS_IS: Printer = (cell) => cell;

/** Whole numbers that fit 64 bits with a sign, or without; those that fit neither are met before what stands behind their digits. */
function kindOf(cell: string): Kind {
  const [, digits] = /^[ \t\v\f\r\n]*([+-]?\d+)/.exec(cell) ?? [];
  if (digits === undefined) return "other";
  const number = BigInt(digits.replace("+", ""));
  const isWhole = INTEGER.test(cell);
  if (BigInt.asIntN(64, number) === number) return isWhole ? "signed" : "other";
  if (BigInt.asUintN(64, number) === number) return isWhole ? "unsigned" : "other";
  return "too large";
}

/** What pandas takes a column for: it tries whole numbers with a sign, without one, decimals, truth values, and leaves the others texts. */
function printerOf(cells: readonly string[], kinds: readonly Kind[], isBroken: boolean): Printer {
  const first = kinds.find((kind) => kind === "other" || kind === "too large");
  // A number that is too large ends the search, unless another cell has shown before that these are no whole numbers.
  if (first === "too large") return TEXT;
  if (first === undefined && kinds.includes("unsigned"))
    return isBroken || cells.some((cell) => cell.includes("-")) ? AS_IS : wholeNumber;
  // Beside a gap they were read as whole numbers, and became decimals.
  if (first === undefined)
    return isBroken ? (cell) => floatText(Number(wholeNumber(cell))) : wholeNumber;
  return printer(cells);
}

/** How cells that are not all whole numbers are printed, by what all of them are. */
function printer(cells: readonly string[]): Printer {
  if (cells.every((cell) => Number.isFinite(decimal(cell)) || INFINITE.test(cell)))
    return (cell) => floatText(decimal(cell));
  if (cells.every((cell) => TRUTH.has(cell))) return (cell) => TRUTH.get(cell) ?? cell;
  return TEXT;
}

function wholeNumber(cell: string): string {
  return String(BigInt(INTEGER.exec(cell)?.[1]?.replace("+", "") ?? ""));
}

/** A number as pandas reads it (`precise_xstrtod` of its tokenizer): digit by digit, then one power of ten. NaN where it is none. */
function decimal(cell: string): number {
  const infinite = INFINITE.exec(cell);
  if (infinite !== null) return infinite[1] === "-" ? -Infinity : Infinity;
  const found = FLOAT.exec(cell);
  if (found === null) return Number.NaN;
  const [, sign, whole = "", part = "", fraction = part, power = "0"] = found;
  const decimals = fraction.slice(0, Math.max(0, DIGITS - whole.length));
  const passed = Math.max(0, whole.length - DIGITS);
  let size = 0;
  for (const digit of whole.slice(0, DIGITS) + decimals) size = size * 10 + Number(digit);
  size = scaled(size, Number(power) + passed - decimals.length);
  return sign === "-" ? -size : size;
}

function scaled(number: number, exponent: number): number {
  if (exponent > 308) return Infinity;
  if (exponent >= 0) return number * Number(`1e${exponent}`);
  if (exponent >= -308) return number / Number(`1e${-exponent}`);
  return number / Number(`1e${-308 - exponent}`) / 1e308;
}
