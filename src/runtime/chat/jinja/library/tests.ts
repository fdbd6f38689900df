import { Bound, noArguments } from "../values/arguments.ts";
import { contains, equals, hashOf, isIterable, numeric, order, textOf } from "../values/basics.ts";
import type { Budget } from "../budget.ts";
import { binary } from "../values/operators.ts";
import { failed } from "../problem.ts";
import { isEvery } from "../values/text-case.ts";
import { toText } from "../values/print.ts";
import { isNumber, isObject, isUndefined, type Arguments, type Value } from "../values/value.ts";

type Test = (value: Value, args: Arguments, budget: Budget) => boolean;

function alone(name: string, test: (value: Value, budget: Budget) => boolean): Test {
  return (value, args, budget) => {
    noArguments(name, args);
    return test(value, budget);
  };
}

function withOther(
  name: string,
  test: (value: Value, other: Value, budget: Budget) => boolean,
): Test {
  return (value, args, budget) =>
    test(value, new Bound(name, args, ["other"]).value("other"), budget);
}

const isKind =
  (...kinds: readonly string[]) =>
  (value: Value): boolean =>
    isObject(value) && kinds.includes(value.kind);

const comparisons = {
  eq: withOther("eq", equals),
  ne: withOther("ne", (value, other, budget) => !equals(value, other, budget)),
  lt: withOther("lt", (value, other, budget) => order(value, other, budget) < 0),
  le: withOther("le", (value, other, budget) => order(value, other, budget, "<=") <= 0),
  gt: withOther("gt", (value, other, budget) => order(value, other, budget, ">") > 0),
  ge: withOther("ge", (value, other, budget) => order(value, other, budget, ">=") >= 0),
} as const;

const remainder = (value: Value, divisor: bigint, budget: Budget): bigint | number => {
  const rest = binary("%", value, divisor, budget);
  return isNumber(rest) ? numeric(rest) : Number.NaN;
};

/** Every test of jinja2 3.1. */
export const TESTS: ReadonlyMap<string, Test> = new Map<string, Test>([
  ["defined", alone("defined", (value) => !isUndefined(value))],
  ["undefined", alone("undefined", isUndefined)],
  ["none", alone("none", (value) => value === null)],
  ["boolean", alone("boolean", (value) => typeof value === "boolean")],
  ["true", alone("true", (value) => value === true)],
  ["false", alone("false", (value) => value === false)],
  ["integer", alone("integer", (value) => typeof value === "bigint")],
  ["float", alone("float", (value) => typeof value === "number")],
  ["number", alone("number", isNumber)],
  ["string", alone("string", (value) => textOf(value) !== undefined)],
  ["mapping", alone("mapping", isKind("dict"))],
  ["iterable", alone("iterable", isIterable)],
  ["sequence", alone("sequence", isSequence)],
  ["callable", alone("callable", isCallable)],
  ["escaped", alone("escaped", isKind("markup"))],
  ["odd", alone("odd", (value, budget) => remainder(value, 2n, budget) == 1)],
  ["even", alone("even", (value, budget) => remainder(value, 2n, budget) == 0)],
  ["lower", alone("lower", (value, budget) => isEvery("islower", toText(value, budget)))],
  ["upper", alone("upper", (value, budget) => isEvery("isupper", toText(value, budget)))],
  ["divisibleby", withOther("divisibleby", divides)],
  ["in", withOther("in", (value, other, budget) => contains(other, value, budget))],
  ["sameas", withOther("sameas", isSame)],
  ["filter", alone("filter", (value) => isNameIn(value, FILTER_NAMES))],
  ["test", alone("test", (value) => isNameIn(value, TESTS))],
  ...(
    [
      ["eq", "eq equalto =="],
      ["ne", "ne !="],
      ["lt", "lt lessthan <"],
      ["le", "le <="],
      ["gt", "gt greaterthan >"],
      ["ge", "ge >="],
    ] as const
  ).flatMap(([test, names]) => names.split(" ").map((name) => [name, comparisons[test]] as const)),
]);

/** Filled by the filters, which know the tests. */
export const FILTER_NAMES = new Set<string>();

/** @throws JinjaError for what no set of names can be asked for. */
function isNameIn(value: Value, names: { has(name: string): boolean }): boolean {
  if (isObject(value) && ["list", "dict"].includes(value.kind)) hashOf(value);
  return names.has(textOf(value) ?? "");
}

/** What has a length and items by index: to jinja2 a dict, too. */
function isSequence(value: Value): boolean {
  if (typeof value === "string") return true;
  return isKind("list", "tuple", "dict", "range", "markup", "undefined")(value);
}

/** To Python an undefined value can be called, too: it fails only then. */
function isCallable(value: Value): boolean {
  if (isKind("callable", "undefined")(value)) return true;
  return isObject(value) && value.kind === "host" && value.call !== undefined;
}

function divides(value: Value, other: Value, budget: Budget): boolean {
  const rest = binary("%", value, other, budget);
  return isNumber(rest) && numeric(rest) == 0;
}

/** Python's `is`: told for what is one object by its nature. */
function isSame(value: Value, other: Value): boolean {
  if (value === null || typeof value === "boolean" || other === null || typeof other === "boolean")
    return value === other;
  if (isObject(value) && isObject(other)) return value === other;
  throw failed("sameas of numbers and texts depends on Python's memory, and is not supported");
}

/** True or false of a test by its name. */
export function runTest(name: string, value: Value, args: Arguments, budget: Budget): boolean {
  budget.step();
  const test = TESTS.get(name);
  if (test === undefined) throw failed(`No test named '${name}'.`);
  return test(value, args, budget);
}
