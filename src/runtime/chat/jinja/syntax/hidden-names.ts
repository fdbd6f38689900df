import type { Expression, MacroShape, Statement, Target } from "./ast.ts";

/**
 * Names that hide those around them from a body's beginning, though they get their value only later. jinja2 decides before it
 * runs which scope a name belongs to (idtracking.py): one that a body assigns without condition, and has not read
 * before, is that body's own, and undefined until then, also where the conversation has a variable of that name.
 */
export type HiddenNames = ReadonlyMap<readonly Statement[], readonly string[]>;

/** The hidden names of every body that has a scope. */
export function hiddenNames(template: readonly Statement[]): HiddenNames {
  const result = new Map<readonly Statement[], readonly string[]>();
  new Scopes(result).body(template, [], undefined);
  return result;
}

type Origin = "parameter" | "outside" | "hidden";

/** What is known of a scope's names, as they are met in the source. */
class Names {
  readonly parent: Names | undefined;
  readonly origins: Map<string, Origin>;
  readonly stored: Set<string>;

  constructor(parent: Names | undefined, from?: Names) {
    this.parent = parent;
    this.origins = new Map(from?.origins);
    this.stored = new Set(from?.stored);
  }

  knows(name: string): boolean {
    return this.origins.has(name) || this.parent?.knows(name) === true;
  }

  load(name: string): void {
    if (!this.knows(name)) this.origins.set(name, "outside");
  }

  store(name: string): void {
    this.stored.add(name);
    if (this.origins.has(name)) return;
    this.origins.set(name, this.parent?.knows(name) === true ? "outside" : "hidden");
  }

  parameter(name: string): void {
    this.stored.add(name);
    this.origins.set(name, "parameter");
  }

  /** Takes over what the branches of an `if` met: a name that one of them is the first to store keeps what it had outside. */
  join(branches: readonly Names[]): void {
    const fresh = branches.flatMap(({ stored }) => [...stored]);
    const first = fresh.filter((name) => !this.stored.has(name));
    for (const branch of branches) {
      for (const [name, origin] of branch.origins) this.origins.set(name, origin);
      for (const name of branch.stored) this.stored.add(name);
    }
    for (const name of first) this.origins.set(name, "outside");
  }
}

class Scopes {
  readonly #result: Map<readonly Statement[], readonly string[]>;

  constructor(result: Map<readonly Statement[], readonly string[]>) {
    this.#result = result;
  }

  /** A body with a scope of its own, and those inside it. */
  body(
    body: readonly Statement[],
    parameters: readonly string[],
    parent: Names | undefined,
    before: readonly Expression[] = [],
  ): void {
    const names = new Names(parent);
    for (const name of parameters) names.parameter(name);
    for (const expression of before) loadAll(expression, names);
    visitAll(body, names);
    const hidden = [...names.origins].flatMap(([name, origin]) =>
      origin === "hidden" ? [name] : [],
    );
    if (hidden.length > 0) this.#result.set(body, hidden);
    this.#inside(body, names);
  }

  #inside(body: readonly Statement[], names: Names): void {
    for (const statement of body) this.#insideOne(statement, names);
  }

  #insideOne(statement: Statement, names: Names): void {
    switch (statement.kind) {
      case "if":
        for (const { body } of statement.branches) this.#inside(body, names);
        this.#inside(statement.otherwise, names);
        return;
      case "for":
        this.body(statement.body, [...namesOf(statement.target), "loop"], names);
        this.body(statement.otherwise, [], names);
        return;
      case "with":
        this.body(
          statement.body,
          statement.values.flatMap(([target]) => namesOf(target)),
          names,
        );
        return;
      case "macro":
        this.#macro(statement.macro, names);
        return;
      case "call-block":
        this.#macro(statement.caller, names);
        return;
      case "set-block":
      case "filter-block":
      case "generation":
        this.body(statement.body, [], names);
        return;
      default:
    }
  }

  #macro({ parameters, body }: MacroShape, names: Names): void {
    const defaults = parameters.flatMap(({ fallback }) =>
      fallback === undefined ? [] : [fallback],
    );
    const special = ["caller", "kwargs", "varargs"];
    this.body(body, [...parameters.map(({ name }) => name), ...special], names, defaults);
  }
}

function namesOf(target: Target): readonly string[] {
  if (target.kind === "tuple") return target.items.flatMap(namesOf);
  return target.kind === "name" ? [target.name] : [];
}

function visitAll(body: readonly Statement[], names: Names): void {
  for (const statement of body) visit(statement, names);
}

/** Meets the names of a statement's own scope; bodies with scopes of their own are passed over. */
function visit(statement: Statement, names: Names): void {
  switch (statement.kind) {
    case "print":
      loadAll(statement.value, names);
      return;
    case "if":
      visitIf(statement, names);
      return;
    case "for":
      loadAll(statement.iterable, names);
      return;
    case "set":
      loadAll(statement.value, names);
      storeTarget(statement.target, names);
      return;
    case "set-block":
      storeTarget(statement.target, names);
      return;
    case "macro":
      names.store(statement.macro.name);
      return;
    case "call-block":
      loadAll(statement.call, names);
      return;
    case "filter-block":
      loadAll(statement.filter, names);
      return;
    case "with":
      for (const [, value] of statement.values) loadAll(value, names);
      return;
    default:
  }
}

/** As jinja2's If nodes: each `elif` is visited after the one before, on a copy of what was known at the beginning. */
function visitIf({ branches, otherwise }: Statement & { readonly kind: "if" }, names: Names): void {
  const [first, ...rest] = branches;
  if (first === undefined) return;
  loadAll(first.test, names);
  const start = new Names(names.parent, names);
  const copy = (run: (inner: Names) => void): Names => {
    const inner = new Names(names.parent, start);
    run(inner);
    return inner;
  };
  const taken = [
    copy((inner) => visitAll(first.body, inner)),
    copy((inner) => {
      for (const branch of rest) visitIf({ kind: "if", branches: [branch], otherwise: [] }, inner);
    }),
    copy((inner) => visitAll(otherwise, inner)),
  ];
  names.join(taken);
}

function storeTarget(target: Target, names: Names): void {
  if (target.kind === "tuple") for (const item of target.items) storeTarget(item, names);
  else if (target.kind === "name") names.store(target.name);
  else names.load(target.name);
}

/** Every variable that an expression reads. */
function loadAll(node: unknown, names: Names): void {
  if (typeof node !== "object" || node === null) return;
  if (Array.isArray(node)) {
    for (const item of node) loadAll(item, names);
    return;
  }
  if ("kind" in node && node.kind === "name" && "name" in node && typeof node.name === "string")
    names.load(node.name);
  for (const value of Object.values(node)) loadAll(value, names);
}
