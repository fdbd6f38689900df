import type { BinaryOperator } from "../syntax/ast.ts";
import { numeric, textOf } from "./basics.ts";
import type { Budget } from "../budget.ts";
import { failed, unsupported } from "../problem.ts";
import { printf } from "../library/printf.ts";
import { isNumber, isObject, List, Tuple, typeName, type Value } from "./value.ts";

/** Bits of the largest int that is computed: Python's own limit is its patience. */
const MAX_INT_BITS = 16_384;

/** Python's `left operator right`. @throws JinjaError where Python raises. */
export function binary(operator: BinaryOperator, left: Value, right: Value, budget: Budget): Value {
  budget.step();
  if (isNumber(left) && isNumber(right)) return arithmetic(operator, numeric(left), numeric(right));
  // A text on the left formats even what is not defined.
  if (operator === "%" && typeof left === "string") return printf(left, right, budget);
  for (const side of [left, right])
    if (isObject(side) && side.kind === "undefined") throw failed(side.reason);
  const result = ofSequences(operator, left, right, budget);
  if (result !== undefined) return result;
  throw failed(
    `unsupported operand type(s) for ${operator}: '${typeName(left)}' and '${typeName(right)}'`,
  );
}

function ofSequences(
  operator: BinaryOperator,
  left: Value,
  right: Value,
  budget: Budget,
): Value | undefined {
  const isMarkup = [left, right].some((side) => isObject(side) && side.kind === "markup");
  if (isMarkup) throw unsupported(`${operator} of text that safe or escape marked`);
  if (operator === "+") return added(left, right, budget);
  if (operator !== "*") return undefined;
  const [sequence, count] = isNumber(left) ? [right, left] : [left, right];
  if (!isNumber(count) || typeof count === "number") return undefined;
  return repeated(sequence, BigInt(count), budget);
}

function added(left: Value, right: Value, budget: Budget): Value | undefined {
  const [leftText, rightText] = [textOf(left), textOf(right)];
  if (leftText !== undefined && rightText !== undefined) {
    budget.size(leftText.length + rightText.length);
    return leftText + rightText;
  }
  if (!isObject(left) || !isObject(right)) return undefined;
  if (left.kind === "list" && right.kind === "list")
    return new List(joinedItems(left.items, right.items, budget));
  if (left.kind === "tuple" && right.kind === "tuple")
    return new Tuple(joinedItems(left.items, right.items, budget));
  return undefined;
}

function joinedItems(left: readonly Value[], right: readonly Value[], budget: Budget): Value[] {
  budget.step(left.length + right.length);
  return [...left, ...right];
}

function repeated(sequence: Value, count: bigint, budget: Budget): Value | undefined {
  const times = count < 0n ? 0 : Number(count);
  const text = textOf(sequence);
  if (text !== undefined) {
    budget.make(text.length * times);
    return text === "" ? "" : text.repeat(times);
  }
  if (!isObject(sequence) || (sequence.kind !== "list" && sequence.kind !== "tuple"))
    return undefined;
  const { items } = sequence;
  budget.step(items.length * times);
  const all = items.length === 0 ? [] : Array.from({ length: times }, () => items).flat();
  return sequence.kind === "list" ? new List(all) : new Tuple(all);
}

function arithmetic(
  operator: BinaryOperator,
  left: bigint | number,
  right: bigint | number,
): Value {
  if (operator === "**") return power(left, right);
  if (["/", "//", "%"].includes(operator) && Number(right) === 0) throw failed("division by zero");
  if (typeof left === "bigint" && typeof right === "bigint") {
    if (operator !== "/") return bounded(ofInts(operator, left, right));
    // Python divides ints of any size and rounds once; doubles do so where both are exact.
    return exactFloat(left) / exactFloat(right);
  }
  return ofFloats(operator, exactFloat(left), exactFloat(right));
}

function ofInts(operator: BinaryOperator, left: bigint, right: bigint): bigint {
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "//":
      return (left - floorMod(left, right)) / right;
    default:
      return floorMod(left, right);
  }
}

function floorMod(left: bigint, right: bigint): bigint {
  const rest = left % right;
  return rest !== 0n && rest < 0n !== right < 0n ? rest + right : rest;
}

function ofFloats(operator: BinaryOperator, left: number, right: number): number {
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return left / right;
    case "//":
      return Math.floor((left - floatMod(left, right)) / right + 0.5);
    default:
      return floatMod(left, right);
  }
}

function floatMod(left: number, right: number): number {
  const rest = left % right;
  if (rest === 0) return right < 0 ? -0 : 0;
  return rest < 0 !== right < 0 ? rest + right : rest;
}

function power(left: bigint | number, right: bigint | number): Value {
  if (typeof left === "bigint" && typeof right === "bigint" && right >= 0n) {
    const bits = BigInt(left.toString(2).length) * right;
    if (bits > MAX_INT_BITS && left !== 0n && left !== 1n && left !== -1n)
      throw unsupported(`an int of more than ${MAX_INT_BITS} bits`);
    return left ** right;
  }
  const [base, exponent] = [exactFloat(left), exactFloat(right)];
  if (base === 0 && exponent < 0) throw failed("0.0 cannot be raised to a negative power");
  const result = base ** exponent;
  if (Number.isNaN(result) && base < 0) throw unsupported("a complex number");
  if (!Number.isFinite(result) && Number.isFinite(base) && Number.isFinite(exponent))
    throw failed("Numerical result out of range");
  return result;
}

function bounded(value: bigint): bigint {
  if (BigInt.asIntN(MAX_INT_BITS, value) === value) return value;
  throw unsupported(`an int of more than ${MAX_INT_BITS} bits`);
}

function exactFloat(value: bigint | number): number {
  if (typeof value === "number" || Number.isSafeInteger(Number(value))) return Number(value);
  throw unsupported("an int beyond 2^53 as a float");
}

/** `-value` and `+value`. */
export function signed(kind: "negative" | "positive", value: Value): Value {
  if (isNumber(value)) {
    const number = numeric(value);
    return kind === "negative" ? -number : number;
  }
  if (isObject(value) && value.kind === "undefined") throw failed(value.reason);
  throw failed(
    `bad operand type for unary ${kind === "negative" ? "-" : "+"}: '${typeName(value)}'`,
  );
}
