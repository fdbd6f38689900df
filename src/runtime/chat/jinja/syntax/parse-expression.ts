import type { BinaryOperator, CallArguments, CompareOperator, Expression } from "./ast.ts";
import type { TokenStream } from "./token-stream.ts";

// Grammar and precedence of jinja2 3.1.6, parser.py: or < and < not < comparison < + - < ~ < * / // % < ** < sign < postfix.

/** @throws JinjaError "syntax". */
export function parseExpression(stream: TokenStream, withCondition = true): Expression {
  return stream.nested(() => (withCondition ? parseCondition(stream) : parseOr(stream)));
}

/** One expression, or a tuple of several without parentheses. */
export function parseTuple(
  stream: TokenStream,
  { withCondition = true, endsBefore }: { withCondition?: boolean; endsBefore?: string } = {},
): Expression {
  return tupleOf(stream, () => parseExpression(stream, withCondition), endsBefore, false);
}

function tupleOf(
  stream: TokenStream,
  parse: () => Expression,
  endsBefore: string | undefined,
  mayBeEmpty: boolean,
): Expression {
  const items: Expression[] = [];
  let isTuple = false;
  for (;;) {
    if (items.length > 0) stream.expectOperator(",");
    if (isTupleEnd(stream, endsBefore)) break;
    items.push(parse());
    if (!stream.isOperator(",")) break;
    isTuple = true;
  }
  const [only] = items;
  if (!isTuple && only !== undefined) return only;
  if (!isTuple && !mayBeEmpty) throw stream.wrong("expected an expression");
  return { kind: "tuple", items };
}

function isTupleEnd(stream: TokenStream, endsBefore: string | undefined): boolean {
  const { kind } = stream.current;
  if (kind === "print-end" || kind === "block-end" || stream.isOperator(")")) return true;
  return endsBefore !== undefined && stream.isName(endsBefore);
}

function parseCondition(stream: TokenStream): Expression {
  let expression = parseOr(stream);
  while (stream.skipName("if")) {
    const test = parseOr(stream);
    const otherwise = stream.skipName("else")
      ? stream.nested(() => parseCondition(stream))
      : undefined;
    expression = { kind: "condition", test, value: expression, otherwise };
  }
  return expression;
}

function parseOr(stream: TokenStream): Expression {
  let left = parseAnd(stream);
  while (stream.skipName("or")) left = { kind: "or", left, right: parseAnd(stream) };
  return left;
}

function parseAnd(stream: TokenStream): Expression {
  let left = parseNot(stream);
  while (stream.skipName("and")) left = { kind: "and", left, right: parseNot(stream) };
  return left;
}

function parseNot(stream: TokenStream): Expression {
  if (!stream.skipName("not")) return parseCompare(stream);
  return { kind: "not", operand: stream.nested(() => parseNot(stream)) };
}

const COMPARISONS: ReadonlyMap<string, CompareOperator> = new Map(
  (["==", "!=", "<", "<=", ">", ">="] as const).map((operator) => [operator, operator]),
);

function parseCompare(stream: TokenStream): Expression {
  const first = parseSum(stream);
  const rest: (readonly [CompareOperator, Expression])[] = [];
  for (;;) {
    const operator = takeComparison(stream);
    if (operator === undefined) break;
    rest.push([operator, parseSum(stream)]);
  }
  return rest.length === 0 ? first : { kind: "compare", first, rest };
}

function takeComparison(stream: TokenStream): CompareOperator | undefined {
  if (stream.skipName("in")) return "in";
  const { next } = stream;
  if (stream.isName("not") && next.kind === "name" && next.text === "in") {
    stream.take();
    stream.take();
    return "not in";
  }
  if (stream.current.kind !== "operator") return undefined;
  const operator = COMPARISONS.get(stream.current.text);
  if (operator !== undefined) stream.take();
  return operator;
}

function leftToRight(
  stream: TokenStream,
  operators: readonly BinaryOperator[],
  parse: (stream: TokenStream) => Expression,
): Expression {
  let left = parse(stream);
  for (;;) {
    const operator = operators.find((candidate) => stream.isOperator(candidate));
    if (operator === undefined) return left;
    stream.take();
    left = { kind: "binary", operator, left, right: parse(stream) };
  }
}

function parseSum(stream: TokenStream): Expression {
  return leftToRight(stream, ["+", "-"], parseConcat);
}

function parseConcat(stream: TokenStream): Expression {
  const first = parseProduct(stream);
  const items = [first];
  while (stream.skipOperator("~")) items.push(parseProduct(stream));
  return items.length === 1 ? first : { kind: "concat", items };
}

function parseProduct(stream: TokenStream): Expression {
  return leftToRight(stream, ["*", "/", "//", "%"], parsePower);
}

function parsePower(stream: TokenStream): Expression {
  return leftToRight(stream, ["**"], (inner) => parseUnary(inner, true));
}

function parseUnary(stream: TokenStream, withFilter: boolean): Expression {
  let node: Expression;
  if (stream.skipOperator("-"))
    node = { kind: "negative", operand: stream.nested(() => parseUnary(stream, false)) };
  else if (stream.skipOperator("+"))
    node = { kind: "positive", operand: stream.nested(() => parseUnary(stream, false)) };
  else node = parsePrimary(stream);
  node = parsePostfix(stream, node);
  return withFilter ? parseFilters(stream, node) : node;
}

const CONSTANTS: ReadonlyMap<string, boolean | null> = new Map([
  ["true", true],
  ["True", true],
  ["false", false],
  ["False", false],
  ["none", null],
  ["None", null],
]);

function parsePrimary(stream: TokenStream): Expression {
  const token = stream.current;
  switch (token.kind) {
    case "name": {
      stream.take();
      const value = CONSTANTS.get(token.text);
      return value === undefined ? { kind: "name", name: token.text } : { kind: "constant", value };
    }
    case "string": {
      let value = "";
      while (stream.current.kind === "string") value += stream.take().text;
      return { kind: "constant", value };
    }
    case "integer":
    case "float":
      stream.take();
      return { kind: "constant", value: token.value };
    default:
      return parseBracketed(stream);
  }
}

function parseBracketed(stream: TokenStream): Expression {
  if (stream.skipOperator("(")) {
    const inner = tupleOf(stream, () => parseExpression(stream), undefined, true);
    stream.expectOperator(")");
    return inner;
  }
  if (stream.skipOperator("["))
    return { kind: "list", items: untilClosed(stream, "]", () => parseExpression(stream)) };
  if (stream.skipOperator("{")) {
    const pairs = untilClosed(stream, "}", () => {
      const key = parseExpression(stream);
      stream.expectOperator(":");
      return [key, parseExpression(stream)] as const;
    });
    return { kind: "dict", pairs };
  }
  throw stream.wrong("expected an expression");
}

function untilClosed<Item>(stream: TokenStream, closing: string, parse: () => Item): Item[] {
  const items: Item[] = [];
  while (!stream.isOperator(closing)) {
    if (items.length > 0) stream.expectOperator(",");
    if (stream.isOperator(closing)) break;
    items.push(parse());
  }
  stream.expectOperator(closing);
  return items;
}

function parsePostfix(stream: TokenStream, start: Expression): Expression {
  let node = start;
  for (;;) {
    if (stream.skipOperator(".")) node = parseMember(stream, node);
    else if (stream.skipOperator("[")) node = parseSubscript(stream, node);
    else if (stream.isOperator("(")) node = { kind: "call", callee: node, args: parseCall(stream) };
    else return node;
  }
}

function parseMember(stream: TokenStream, object: Expression): Expression {
  const token = stream.take();
  if (token.kind === "name") return { kind: "attribute", object, name: token.text };
  if (token.kind === "integer")
    return { kind: "item", object, key: { kind: "constant", value: token.value } };
  throw stream.wrong("expected a name or a number behind '.'");
}

function parseSubscript(stream: TokenStream, object: Expression): Expression {
  const keys: Expression[] = [];
  while (!stream.isOperator("]")) {
    if (keys.length > 0) stream.expectOperator(",");
    keys.push(parseSubscribed(stream));
  }
  stream.expectOperator("]");
  const [only] = keys;
  if (only === undefined) throw stream.wrong("expected a subscript");
  return { kind: "item", object, key: keys.length === 1 ? only : { kind: "tuple", items: keys } };
}

function parseSubscribed(stream: TokenStream): Expression {
  let begin: Expression | undefined;
  if (!stream.isOperator(":")) {
    begin = parseExpression(stream);
    if (!stream.isOperator(":")) return begin;
  }
  stream.expectOperator(":");
  const optional = (): Expression | undefined =>
    stream.isOperator("]", ",", ":") ? undefined : parseExpression(stream);
  const end = optional();
  const step = stream.skipOperator(":") ? optional() : undefined;
  return { kind: "slice", begin, end, step };
}

/** Filters and tests behind an expression; they bind closer than any operator but a sign. */
export function parseFilters(stream: TokenStream, start: Expression): Expression {
  let node = start;
  for (;;) {
    if (stream.skipOperator("|")) node = parseFilter(stream, node);
    else if (stream.skipName("is")) node = parseTest(stream, node);
    else if (stream.isOperator("(")) node = { kind: "call", callee: node, args: parseCall(stream) };
    else return node;
  }
}

/** A filter's name and arguments, the "|" taken already. */
export function parseFilter(stream: TokenStream, target: Expression | undefined): Expression {
  const name = dottedName(stream);
  const args = stream.isOperator("(") ? parseCall(stream) : NO_ARGUMENTS;
  return { kind: "filter", target, name, args };
}

function parseTest(stream: TokenStream, target: Expression): Expression {
  const isNegated = stream.skipName("not");
  const name = dottedName(stream);
  let args = NO_ARGUMENTS;
  if (stream.isOperator("(")) args = parseCall(stream);
  else if (beginsArgument(stream)) {
    const positional = [parsePostfix(stream, parsePrimary(stream))];
    args = { ...NO_ARGUMENTS, positional };
  }
  const test: Expression = { kind: "test", target, name, args };
  return isNegated ? { kind: "not", operand: test } : test;
}

function beginsArgument(stream: TokenStream): boolean {
  const { kind } = stream.current;
  if (stream.isName("is")) throw stream.wrong("tests cannot be chained with is");
  if (kind === "name") return !stream.isName("else", "or", "and");
  return ["string", "integer", "float"].includes(kind) || stream.isOperator("[", "{");
}

function dottedName(stream: TokenStream): string {
  let name = stream.expectName();
  while (stream.skipOperator(".")) name += `.${stream.expectName()}`;
  return name;
}

export const NO_ARGUMENTS: CallArguments = {
  positional: [],
  named: [],
  rest: undefined,
  namedRest: undefined,
};

function parseCall(stream: TokenStream): CallArguments {
  const positional: Expression[] = [];
  const named: (readonly [string, Expression])[] = [];
  let rest: Expression | undefined;
  let namedRest: Expression | undefined;
  const ensure = (isRight: boolean): void => {
    if (!isRight) throw stream.wrong("arguments are out of order");
  };
  stream.expectOperator("(");
  untilClosed(stream, ")", () => {
    if (stream.skipOperator("*")) {
      ensure(rest === undefined && namedRest === undefined);
      rest = parseExpression(stream);
    } else if (stream.skipOperator("**")) {
      ensure(namedRest === undefined);
      namedRest = parseExpression(stream);
    } else if (isNamedArgument(stream)) {
      ensure(namedRest === undefined);
      const name = stream.expectName();
      stream.expectOperator("=");
      named.push([name, parseExpression(stream)]);
    } else {
      ensure(rest === undefined && namedRest === undefined && named.length === 0);
      positional.push(parseExpression(stream));
    }
  });
  return { positional, named, rest, namedRest };
}

function isNamedArgument({ current, next }: TokenStream): boolean {
  return current.kind === "name" && next.kind === "operator" && next.text === "=";
}
