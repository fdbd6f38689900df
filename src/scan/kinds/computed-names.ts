import type {
  CallArguments,
  Expression,
  MacroShape,
  Statement,
  Target,
} from "../../runtime/chat/jinja/syntax/ast.ts";
import { holdsText } from "./jinja-texts.ts";
import {
  CHANGES_TEXT,
  INTERNAL,
  INTERNAL_TEXT,
  MAKES_TEXT,
  PLAIN_GLOBALS,
  TAKES_NAMES,
} from "./jinja-names.ts";

/** Parameters that are kept of all macros of one name. */
const MAX_NAMES = 1000;

/** Rounds until nothing more is found; names that wait longer for one another are no published template's. */
const MAX_ROUNDS = 50;

/**
 * Looks in a parsed template for attributes that are fetched by names which the template itself puts together, so that nobody
 * can read which: by assignment and use alone, whatever the order. Undefined where every name stands there or is the conversation's.
 */
export function computedName(body: readonly Statement[]): string | undefined {
  const names = new Set<string>();
  const macros = new Map<string, readonly string[]>();
  const texts = new Set<string>();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const before = names.size + texts.size;
    const walk = new Walk(names, macros, texts);
    walk.body(body);
    if (walk.found !== undefined) return walk.found;
    // What is assigned from a name that was found now is found in the next round.
    if (names.size + texts.size === before && round > 0) return undefined;
  }
  return "names that are made of names";
}

/** One walk through a template: what is assigned from computed texts, and where such a text is used as a name. */
class Walk {
  readonly #computed: Set<string>;
  /** Parameters of each macro. */
  readonly #macros: Map<string, readonly string[]>;
  /** What is assigned from a text of the template as it stands: changed, it may become any name. */
  readonly #texts: Set<string>;
  found: string | undefined;

  constructor(computed: Set<string>, macros: Map<string, readonly string[]>, texts: Set<string>) {
    this.#computed = computed;
    this.#macros = macros;
    this.#texts = texts;
  }

  body(statements: readonly Statement[]): void {
    for (const statement of statements) this.#statement(statement);
  }

  #statement(statement: Statement): void {
    switch (statement.kind) {
      case "print":
        this.#visit(statement.value);
        return;
      case "if":
        for (const { test, body } of statement.branches) {
          this.#visit(test);
          this.body(body);
        }
        this.body(statement.otherwise);
        return;
      case "for":
        this.#keepText(statement.target, statement.iterable);
        this.#assign(statement.target, this.#visit(statement.iterable));
        if (statement.test !== undefined) this.#visit(statement.test);
        this.body(statement.body);
        this.body(statement.otherwise);
        return;
      case "set":
        this.#keepText(statement.target, statement.value);
        this.#assign(statement.target, this.#visit(statement.value));
        return;
      case "set-block":
        this.#assign(statement.target, true);
        if (statement.filter !== undefined) this.#visit(statement.filter);
        this.body(statement.body);
        return;
      case "macro":
        this.#macro(statement.macro);
        return;
      case "call-block":
        this.#visit(statement.call);
        this.#macro(statement.caller);
        return;
      case "filter-block":
        this.#visit(statement.filter);
        this.body(statement.body);
        return;
      case "with":
        for (const [target, value] of statement.values) {
          this.#keepText(target, value);
          this.#assign(target, this.#visit(value));
        }
        this.body(statement.body);
        return;
      case "generation":
        this.body(statement.body);
        return;
      default:
    }
  }

  #macro({ name: called, parameters, body }: MacroShape): void {
    const names = parameters.map(({ name }) => name);
    this.#macros.set(called, [...(this.#macros.get(called) ?? []), ...names].slice(0, MAX_NAMES));
    for (const { name, fallback } of parameters)
      if (fallback !== undefined && this.#visit(fallback)) this.#computed.add(name);
    this.body(body);
  }

  #assign(target: Target, isComputed: boolean): void {
    if (target.kind === "tuple") for (const item of target.items) this.#assign(item, isComputed);
    else if (isComputed)
      this.#computed.add(
        target.kind === "name" ? target.name : `${target.name}.${target.attribute}`,
      );
  }

  #keepText(target: Target, value: Expression): void {
    if (!holdsText(value, this.#texts)) return;
    const names = target.kind === "tuple" ? target.items : [target];
    for (const item of names) if (item.kind !== "tuple") this.#texts.add(item.name);
  }

  #name(what: string): void {
    this.found ??= what;
  }

  /** Whether an expression may be, or hold, a text that the template puts together; uses of such texts as names are found. */
  #visit(expression: Expression): boolean {
    switch (expression.kind) {
      case "constant":
        if (typeof expression.value === "string" && INTERNAL_TEXT.test(expression.value))
          this.#name(INTERNAL_TEXT.exec(expression.value)?.[0] ?? "");
        return false;
      case "name":
        // Tokens come from the model's own files, as the template does.
        return this.#computed.has(expression.name) || expression.name.endsWith("_token");
      case "list":
      case "tuple":
        return this.#any(expression.items);
      case "dict":
        return this.#any(expression.pairs.flat());
      case "concat":
        this.#any(expression.items);
        return true;
      case "binary":
        return this.#binary(expression);
      case "compare":
        this.#any([expression.first, ...expression.rest.map(([, item]) => item)]);
        return false;
      case "and":
      case "or":
        return this.#any([expression.left, expression.right]);
      case "not":
        this.#visit(expression.operand);
        return false;
      case "negative":
      case "positive":
        return this.#visit(expression.operand);
      case "condition": {
        this.#visit(expression.test);
        const { value, otherwise } = expression;
        return this.#any(otherwise === undefined ? [value] : [value, otherwise]);
      }
      case "attribute":
        return this.#attribute(expression);
      case "item":
        return this.#item(expression);
      case "slice":
        return this.#any(
          [expression.begin, expression.end, expression.step].filter((part) => part !== undefined),
        );
      case "call":
        return this.#call(expression);
      case "filter":
        return this.#filter(expression);
      case "test":
        this.#visit(expression.target);
        this.#arguments(expression.args);
        return false;
      default:
        return expression satisfies never;
    }
  }

  #any(items: readonly Expression[]): boolean {
    // All are visited, for the uses in them.
    return items.map((item) => this.#visit(item)).includes(true);
  }

  #binary({ operator, left, right }: Expression & { readonly kind: "binary" }): boolean {
    const isComputed = this.#any([left, right]);
    if (isComputed) return true;
    // Of texts, `+` joins, `*` repeats and `%` formats; of what the conversation gives they count.
    return "+*%".includes(operator) && (isText(left) || isText(right));
  }

  #attribute({ object, name }: Expression & { readonly kind: "attribute" }): boolean {
    const isComputed = this.#visit(object);
    if (INTERNAL.test(name)) this.#name(name);
    if (object.kind === "name" && this.#computed.has(`${object.name}.${name}`)) return true;
    return isComputed;
  }

  #item({ object, key }: Expression & { readonly kind: "item" }): boolean {
    const isComputed = this.#visit(object);
    const isKeyComputed = this.#visit(key);
    if (isKeyComputed && key.kind !== "slice") this.#name("a computed name in brackets");
    if (key.kind === "constant" && typeof key.value === "string" && INTERNAL.test(key.value))
      this.#name(key.value);
    // Letters taken out of a text of the template make any other.
    return isComputed || isText(object);
  }

  #call({ callee, args }: Expression & { readonly kind: "call" }): boolean {
    const isComputed = [this.#visit(callee), this.#arguments(args)].includes(true);
    if (callee.kind === "name" && isComputed)
      for (const name of this.#macros.get(callee.name) ?? []) this.#computed.add(name);
    if (callee.kind !== "attribute")
      return isComputed || (callee.kind === "name" && !PLAIN_GLOBALS.has(callee.name));
    if (CHANGES_TEXT.test(callee.name) && holdsText(callee.object, this.#texts)) return true;
    if (!MAKES_TEXT.test(callee.name)) return isComputed;
    if (callee.name.startsWith("format") && this.#visit(callee.object))
      this.#name("a computed text that formats");
    return true;
  }

  #filter({ target, name, args }: Expression & { readonly kind: "filter" }): boolean {
    const isTarget = target !== undefined && this.#visit(target);
    const isArgument = this.#arguments(args);
    if (isArgument && TAKES_NAMES.has(name) && !(name === "join" && args.named.length === 0))
      this.#name(`a computed argument of ${name}`);
    for (const text of constantsOf(args))
      if (TAKES_NAMES.has(name) && text.split(".").some((part) => INTERNAL.test(part)))
        this.#name(text);
    if (name === "format" && isTarget) this.#name("a computed text that formats");
    const isChanged = CHANGES_TEXT.test(name) && holdsText(target, this.#texts);
    return isTarget || isArgument || isChanged || MAKES_TEXT.test(name);
  }

  #arguments({ positional, named, rest, namedRest }: CallArguments): boolean {
    const more = [rest, namedRest].filter((part) => part !== undefined);
    // Keywords become the keys of `dict(…)`.
    for (const [name] of named) if (INTERNAL.test(name)) this.#name(name);
    return this.#any([...positional, ...named.map(([, value]) => value), ...more]);
  }
}

function constantsOf({ positional, named }: CallArguments): readonly string[] {
  return [...positional, ...named.map(([, value]) => value)].flatMap((value) =>
    value.kind === "constant" && typeof value.value === "string" ? [value.value] : [],
  );
}

function isText(expression: Expression): boolean {
  return expression.kind === "constant" && typeof expression.value === "string";
}
