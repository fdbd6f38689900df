// Finds the places of a TypeScript source where one change should be noticed by its tests.
import ts from "typescript";

/** What takes the place of a binary operator. */
const BINARY = new Map([
  ["+", "-"],
  ["-", "+"],
  ["*", "/"],
  ["/", "*"],
  ["%", "*"],
  ["**", "*"],
  ["<", "<="],
  ["<=", "<"],
  [">", ">="],
  [">=", ">"],
  ["===", "!=="],
  ["!==", "==="],
  ["&&", "||"],
  ["||", "&&"],
  ["+=", "-="],
  ["-=", "+="],
  ["&", "|"],
  ["|", "&"],
  ["<<", ">>"],
  [">>", "<<"],
]);

const UNARY = new Map([
  [ts.SyntaxKind.PlusPlusToken, "--"],
  [ts.SyntaxKind.MinusMinusToken, "++"],
]);

const MATH_PAIRS = new Map([
  ["max", "min"],
  ["min", "max"],
  ["floor", "ceil"],
  ["ceil", "floor"],
]);

/**
 * @typedef {{ start: number, end: number, text: string, line: number, before: string }} Mutant
 * A replacement of source[start, end) by `text`; `before` is what stood there.
 */

/**
 * Every mutant of a source, in its order.
 * @param {string} source
 * @returns {Mutant[]}
 */
export function mutantsOf(source) {
  const file = ts.createSourceFile("source.ts", source, ts.ScriptTarget.Latest, true);
  const found = [];
  const add = (start, end, text) => {
    const { line } = file.getLineAndCharacterOfPosition(start);
    found.push({ start, end, text, line: line + 1, before: source.slice(start, end) });
  };
  const replace = (node, text) => add(node.getStart(file), node.getEnd(), text);

  const visit = (node) => {
    // Types are gone when the tests run.
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node))
      return;
    if (ts.isImportDeclaration(node)) return;
    for (const text of changesOf(node, file)) replace(node, text);
    if (ts.isBinaryExpression(node)) {
      const text = BINARY.get(node.operatorToken.getText(file));
      if (text !== undefined) replace(node.operatorToken, text);
    }
    // A loop that counts the other way does not end: that is no question to a test.
    if (ts.isForStatement(node)) {
      for (const part of [node.initializer, node.condition, node.statement]) if (part) visit(part);
      return;
    }
    if (ts.isIfStatement(node)) conditions(node.expression);
    if (ts.isConditionalExpression(node)) conditions(node.condition);
    ts.forEachChild(node, visit);
  };
  const conditions = (condition) => {
    for (const text of ["true", "false"]) {
      if (condition.getText(file) !== text) replace(condition, text);
    }
  };
  visit(file);
  return found;
}

/** What may take the place of a whole node. */
function changesOf(node, file) {
  if (ts.isNumericLiteral(node)) return [numberFor(node)];
  if (node.kind === ts.SyntaxKind.TrueKeyword) return ["false"];
  if (node.kind === ts.SyntaxKind.FalseKeyword) return ["true"];
  if (ts.isStringLiteral(node) && !isKey(node)) return [node.text === "" ? '"mutated"' : '""'];
  if (ts.isReturnStatement(node)) {
    const isPlain = node.expression === undefined || node.expression.getText(file) === "undefined";
    return isPlain ? [] : ["return undefined;"];
  }
  if (ts.isPrefixUnaryExpression(node)) return prefix(node, file);
  if (ts.isPostfixUnaryExpression(node)) {
    const text = UNARY.get(node.operator);
    return text === undefined ? [] : [`${node.operand.getText(file)}${text}`];
  }
  if (ts.isCallExpression(node)) return mathCall(node, file);
  if (ts.isExpressionStatement(node)) return [";"];
  if (ts.isContinueStatement(node) || ts.isBreakStatement(node)) return [";"];
  return [];
}

function numberFor(node) {
  const value = Number(node.text.replaceAll("_", ""));
  return Number.isInteger(value) ? String(value + 1) : String(value * 2);
}

/** A property's name, or the key of an element: another text there is another program, not another value. */
function isKey(node) {
  const { parent } = node;
  return (
    (ts.isPropertyAssignment(parent) && parent.name === node) ||
    ts.isElementAccessExpression(parent) ||
    ts.isLiteralTypeNode(parent)
  );
}

function prefix(node, file) {
  const operand = node.operand.getText(file);
  if (node.operator === ts.SyntaxKind.ExclamationToken) return [`(${operand})`];
  if (node.operator === ts.SyntaxKind.MinusToken) return [`(${operand})`];
  const text = UNARY.get(node.operator);
  return text === undefined ? [] : [`${text}${operand}`];
}

/** Math.sqrt(x) → x, Math.max(…) → Math.min(…). */
function mathCall(node, file) {
  const { expression, arguments: args } = node;
  if (!ts.isPropertyAccessExpression(expression) || expression.expression.getText(file) !== "Math")
    return [];
  const words = args.map((arg) => arg.getText(file));
  const other = MATH_PAIRS.get(expression.name.text);
  if (other !== undefined) return [`Math.${other}(${words.join(", ")})`];
  return words.length === 1 ? [`(${words[0]})`] : [];
}

/** The source with one mutant in it. */
export function applied(source, { start, end, text }) {
  return source.slice(0, start) + text + source.slice(end);
}
