import type { Expression, MacroShape, Parameter, Statement, Target } from "./ast.ts";
import { tokenize } from "./lexer.ts";
import { mentions } from "./mentions.ts";
import { parseExpression, parseFilter, parseTuple } from "./parse-expression.ts";
import { JinjaError, unsupported } from "../problem.ts";
import { TokenStream } from "./token-stream.ts";

/** The statements of a template. @throws JinjaError "syntax", "unsupported". */
export function parseTemplate(source: string): readonly Statement[] {
  const stream = new TokenStream(tokenize(source));
  return new StatementParser(stream).until();
}

/** Tags of jinja2 itself that no chat template needs: they load other files, or change how text is escaped. */
const OTHER_TAGS = new Set([
  "extends",
  "block",
  "include",
  "import",
  "from",
  "autoescape",
  "print",
]);

class StatementParser {
  readonly #stream: TokenStream;
  /** Loops around the statement within its macro. */
  #loops = 0;

  constructor(stream: TokenStream) {
    this.#stream = stream;
  }

  /** Statements up to one of the tags; up to the end where there are none. The tag's name is next then. */
  until(...tags: readonly string[]): readonly Statement[] {
    const stream = this.#stream;
    const body: Statement[] = [];
    for (;;) {
      const token = stream.take();
      if (token.kind === "text") body.push({ kind: "text", text: token.text });
      else if (token.kind === "print-begin") {
        body.push({ kind: "print", value: parseTuple(stream) });
        stream.expectKind("print-end");
      } else if (token.kind === "block-begin") {
        if (tags.length > 0 && stream.isName(...tags)) return body;
        body.push(stream.nested(() => this.#statement()));
        stream.expectKind("block-end");
      } else if (token.kind === "end" && tags.length === 0) return body;
      else
        throw new JinjaError(
          "syntax",
          `line ${token.line}: expected ${tags.join(" or ")}, found the end`,
        );
    }
  }

  /** The body of a tag, up to and with the name of the tag that ends it. */
  #body(...tags: readonly string[]): readonly Statement[] {
    this.#stream.skipOperator(":");
    this.#stream.expectKind("block-end");
    return this.until(...tags);
  }

  #bodyTo(tag: string): readonly Statement[] {
    const body = this.#body(tag);
    this.#stream.expectName(tag);
    return body;
  }

  #statement(): Statement {
    const tag = this.#stream.expectName();
    switch (tag) {
      case "if":
        return this.#if();
      case "for":
        return this.#for();
      case "set":
        return this.#set();
      case "macro":
        return this.#macro();
      case "call":
        return this.#callBlock();
      case "filter": {
        const filter = this.#filters(parseFilter(this.#stream, undefined));
        return {
          kind: "filter-block",
          filter,
          body: this.#outsideLoops(() => this.#bodyTo("endfilter")),
        };
      }
      case "with":
        return this.#with();
      case "generation":
        return {
          kind: "generation",
          body: this.#outsideLoops(() => this.#bodyTo("endgeneration")),
        };
      case "break":
      case "continue":
        if (this.#loops === 0) throw this.#stream.wrong(`${tag} outside a loop`);
        return { kind: tag };
      default:
        if (OTHER_TAGS.has(tag)) throw unsupported(`the tag ${tag}`);
        throw this.#stream.wrong(`unknown tag ${tag}`);
    }
  }

  #if(): Statement {
    const branches: { test: Expression; body: readonly Statement[] }[] = [];
    for (;;) {
      const test = parseTuple(this.#stream, { withCondition: false });
      branches.push({ test, body: this.#body("elif", "else", "endif") });
      const tag = this.#stream.expectName();
      if (tag === "elif") continue;
      return { kind: "if", branches, otherwise: tag === "else" ? this.#bodyTo("endif") : [] };
    }
  }

  #for(): Statement {
    const stream = this.#stream;
    const target = parseTarget(stream, "in");
    stream.expectName("in");
    const iterable = parseTuple(stream, { withCondition: false, endsBefore: "recursive" });
    const test = stream.skipName("if") ? parseExpression(stream) : undefined;
    const isRecursive = stream.skipName("recursive");
    this.#loops++;
    const body = this.#body("endfor", "else");
    this.#loops--;
    const otherwise = stream.expectName() === "else" ? this.#bodyTo("endfor") : [];
    return { kind: "for", target, iterable, test, isRecursive, body, otherwise };
  }

  #set(): Statement {
    const stream = this.#stream;
    const target = parseTarget(stream, undefined, true);
    if (stream.skipOperator("=")) return { kind: "set", target, value: parseTuple(stream) };
    const filter = stream.skipOperator("|")
      ? this.#filters(parseFilter(stream, undefined))
      : undefined;
    return {
      kind: "set-block",
      target,
      filter,
      body: this.#outsideLoops(() => this.#bodyTo("endset")),
    };
  }

  /** Further filters of a chain. */
  #filters(first: Expression): Expression {
    let chain = first;
    while (this.#stream.skipOperator("|")) chain = parseFilter(this.#stream, chain);
    return chain;
  }

  #macro(): Statement {
    const name = this.#stream.expectName();
    const parameters = this.#parameters();
    const body = this.#outsideLoops(() => this.#bodyTo("endmacro"));
    return { kind: "macro", macro: shapeOf(name, parameters, body) };
  }

  #callBlock(): Statement {
    const parameters = this.#stream.isOperator("(") ? this.#parameters() : [];
    const call = parseExpression(this.#stream);
    if (call.kind !== "call") throw this.#stream.wrong("expected a call");
    const body = this.#outsideLoops(() => this.#bodyTo("endcall"));
    return { kind: "call-block", call, caller: shapeOf("caller", parameters, body) };
  }

  #parameters(): readonly Parameter[] {
    const stream = this.#stream;
    const parameters: Parameter[] = [];
    stream.expectOperator("(");
    while (!stream.isOperator(")")) {
      if (parameters.length > 0) stream.expectOperator(",");
      const name = targetName(stream);
      const fallback = stream.skipOperator("=") ? parseExpression(stream) : undefined;
      if (fallback === undefined && parameters.some((before) => before.fallback !== undefined))
        throw stream.wrong("a parameter without a default behind one that has it");
      if (parameters.some((before) => before.name === name))
        throw stream.wrong(`a second parameter ${name}`);
      parameters.push({ name, fallback });
    }
    stream.expectOperator(")");
    return parameters;
  }

  #with(): Statement {
    const stream = this.#stream;
    const values: (readonly [Target, Expression])[] = [];
    while (stream.current.kind !== "block-end") {
      if (values.length > 0) stream.expectOperator(",");
      const target = parseTarget(stream);
      stream.expectOperator("=");
      values.push([target, parseExpression(stream)]);
    }
    return { kind: "with", values, body: this.#bodyTo("endwith") };
  }

  /** Loops end at the borders of macros and of blocks that become a text: no break crosses them. */
  #outsideLoops<Result>(parse: () => Result): Result {
    const loops = this.#loops;
    this.#loops = 0;
    const result = parse();
    this.#loops = loops;
    return result;
  }
}

function shapeOf(
  name: string,
  parameters: readonly Parameter[],
  body: readonly Statement[],
): MacroShape {
  return {
    name,
    parameters,
    body,
    takesRest: mentions(body, "varargs"),
    takesNamedRest: mentions(body, "kwargs"),
    takesCaller: mentions(body, "caller"),
  };
}

function parseTarget(stream: TokenStream, endsBefore?: string, withNamespace = false): Target {
  const items: Target[] = [];
  let isTuple = false;
  for (;;) {
    if (items.length > 0) stream.expectOperator(",");
    if (stream.isOperator("=", ")") || stream.current.kind === "block-end") break;
    if (endsBefore !== undefined && stream.isName(endsBefore)) break;
    items.push(oneTarget(stream, withNamespace));
    if (!stream.isOperator(",")) break;
    isTuple = true;
  }
  const [only] = items;
  if (only === undefined) throw stream.wrong("expected a name to assign to");
  return isTuple ? { kind: "tuple", items } : only;
}

function oneTarget(stream: TokenStream, withNamespace: boolean): Target {
  if (stream.skipOperator("(")) {
    const inner = stream.nested(() => parseTarget(stream));
    stream.expectOperator(")");
    return inner;
  }
  const name = targetName(stream);
  if (!withNamespace || !stream.skipOperator(".")) return { kind: "name", name };
  return { kind: "namespace", name, attribute: stream.expectName() };
}

/** Words that Python or Jinja keep for themselves. */
const RESERVED = new Set(["true", "True", "false", "False", "none", "None"]);

function targetName(stream: TokenStream): string {
  const name = stream.expectName();
  if (RESERVED.has(name)) throw stream.wrong(`cannot assign to ${name}`);
  return name;
}
