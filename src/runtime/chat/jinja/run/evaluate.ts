import type { CallArguments, CompareOperator, Expression } from "../syntax/ast.ts";
import { memberOf, slicedOf, subscriptOf } from "../values/attributes.ts";
import { contains, dictOf, equals, isTrue, itemsOf, order } from "../values/basics.ts";
import type { Budget } from "../budget.ts";
import { callValue } from "./call.ts";
import { runFilter } from "../library/filters.ts";
import { binary, signed } from "../values/operators.ts";
import { failed } from "../problem.ts";
import { toText } from "../values/print.ts";
import type { Scope } from "./scope.ts";
import { runTest } from "../library/tests.ts";
import { isObject, List, Tuple, Undefined, type Arguments, type Value } from "../values/value.ts";

/** The value of an expression. @throws JinjaError. */
export function evaluate(expression: Expression, scope: Scope, budget: Budget): Value {
  budget.step();
  return budget.nested(() => evaluateOne(expression, scope, budget));
}

function evaluateOne(expression: Expression, scope: Scope, budget: Budget): Value {
  const valueOf = (inner: Expression): Value => evaluate(inner, scope, budget);
  switch (expression.kind) {
    case "constant":
      return expression.value;
    case "name":
      return scope.get(expression.name);
    case "list":
      return new List(expression.items.map(valueOf));
    case "tuple":
      return new Tuple(expression.items.map(valueOf));
    case "dict":
      return dictOf(expression.pairs.map(([key, value]) => [valueOf(key), valueOf(value)]));
    case "concat":
      return expression.items.map(valueOf).reduce<string>((text, item) => {
        const more = toText(item, budget);
        budget.size(text.length + more.length);
        return text + more;
      }, "");
    case "binary":
      return binary(
        expression.operator,
        valueOf(expression.left),
        valueOf(expression.right),
        budget,
      );
    case "compare":
      return compareAll(expression, valueOf, budget);
    case "and": {
      const left = valueOf(expression.left);
      return isTrue(left) ? valueOf(expression.right) : left;
    }
    case "or": {
      const left = valueOf(expression.left);
      return isTrue(left) ? left : valueOf(expression.right);
    }
    case "not":
      return !isTrue(valueOf(expression.operand));
    case "negative":
    case "positive":
      return signed(expression.kind, valueOf(expression.operand));
    case "condition":
      if (isTrue(valueOf(expression.test))) return valueOf(expression.value);
      return expression.otherwise === undefined
        ? new Undefined(
            "the inline if-expression evaluated to false and no else section was defined.",
          )
        : valueOf(expression.otherwise);
    case "attribute":
      return memberOf(valueOf(expression.object), expression.name, budget);
    case "item":
      return itemValue(expression, valueOf, budget);
    case "slice":
      throw failed("a slice stands only between brackets");
    case "call":
      return callValue(
        valueOf(expression.callee),
        argumentsOf(expression.args, scope, budget),
        budget,
      );
    case "filter":
      if (expression.target === undefined) throw failed("a filter without a value");
      return runFilter(
        expression.name,
        valueOf(expression.target),
        argumentsOf(expression.args, scope, budget),
        budget,
      );
    default:
      return runTest(
        expression.name,
        valueOf(expression.target),
        argumentsOf(expression.args, scope, budget),
        budget,
      );
  }
}

function itemValue(
  { object, key }: { readonly object: Expression; readonly key: Expression },
  valueOf: (expression: Expression) => Value,
  budget: Budget,
): Value {
  const container = valueOf(object);
  if (key.kind !== "slice") return subscriptOf(container, valueOf(key), budget);
  const bound = (part: Expression | undefined): Value =>
    part === undefined ? null : valueOf(part);
  return slicedOf(
    container,
    { begin: bound(key.begin), end: bound(key.end), step: bound(key.step) },
    budget,
  );
}

/** Python's chain: 1 < x < 3 evaluates x once, and stops at the first that does not hold. */
function compareAll(
  { first, rest }: Expression & { readonly kind: "compare" },
  valueOf: (expression: Expression) => Value,
  budget: Budget,
): boolean {
  let left = valueOf(first);
  for (const [operator, expression] of rest) {
    const right = valueOf(expression);
    if (!compare(operator, left, right, budget)) return false;
    left = right;
  }
  return true;
}

function compare(operator: CompareOperator, left: Value, right: Value, budget: Budget): boolean {
  switch (operator) {
    case "==":
      return equals(left, right, budget);
    case "!=":
      return !equals(left, right, budget);
    case "in":
      return contains(right, left, budget);
    case "not in":
      return !contains(right, left, budget);
    case "<":
      return order(left, right, budget, operator) < 0;
    case "<=":
      return order(left, right, budget, operator) <= 0;
    case ">":
      return order(left, right, budget, operator) > 0;
    default:
      return order(left, right, budget, operator) >= 0;
  }
}

/** Arguments of a call as values. @throws JinjaError for a name given twice. */
export function argumentsOf(args: CallArguments, scope: Scope, budget: Budget): Arguments {
  const positional = args.positional.map((argument) => evaluate(argument, scope, budget));
  if (args.rest !== undefined)
    positional.push(...itemsOf(evaluate(args.rest, scope, budget), budget));
  const named = new Map<string, Value>();
  const put = (name: string, value: Value): void => {
    if (named.has(name)) throw failed(`got multiple values for keyword argument '${name}'`);
    named.set(name, value);
  };
  for (const [name, argument] of args.named) put(name, evaluate(argument, scope, budget));
  if (args.namedRest === undefined) return { positional, named };
  const more = evaluate(args.namedRest, scope, budget);
  if (!isObject(more) || more.kind !== "dict") throw failed("argument after ** must be a mapping");
  for (const [key, value] of more.entries.values()) {
    if (typeof key !== "string") throw failed("keywords must be strings");
    put(key, value);
  }
  return { positional, named };
}
