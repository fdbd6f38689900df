import type { Expression, MacroShape, Statement, Target } from "../syntax/ast.ts";
import { isTrue, itemsOf, textOf } from "../values/basics.ts";
import type { Budget } from "../budget.ts";
import { callValue } from "./call.ts";
import { argumentsOf, evaluate } from "./evaluate.ts";
import { runFilter } from "../library/filters.ts";
import { checkNamespaceName } from "../library/globals.ts";
import type { HiddenNames } from "../syntax/hidden-names.ts";
import { LoopState } from "./loop.ts";
import { macroValue } from "./macro.ts";
import { failed } from "../problem.ts";
import { toText } from "../values/print.ts";
import { Scope } from "./scope.ts";
import { typeName, Undefined, type Value } from "../values/value.ts";

/** How a body ended: at its end, or at a loop control. */
type Ending = "end" | "break" | "continue";

/** Runs statements; the text of one rendering grows as it goes. */
export class Execution {
  readonly #budget: Budget;
  readonly #hidden: HiddenNames;
  #text = "";

  constructor(budget: Budget, hidden: HiddenNames) {
    this.#budget = budget;
    this.#hidden = hidden;
  }

  /** What statements write in a scope. @throws JinjaError. */
  textOf(body: readonly Statement[], scope: Scope): string {
    const before = this.#text;
    this.#text = "";
    this.#runIn(scope, body);
    const text = this.#text;
    this.#text = before;
    return text;
  }

  #write(text: string): void {
    this.#budget.size(this.#text.length + text.length);
    this.#text += text;
  }

  /** Runs a body at the beginning of its own scope. */
  #runIn(scope: Scope, body: readonly Statement[]): Ending {
    for (const name of this.#hidden.get(body) ?? [])
      scope.set(name, new Undefined(`'${name}' is undefined`));
    return this.#run(body, scope);
  }

  #run(body: readonly Statement[], scope: Scope): Ending {
    return this.#budget.nested(() => {
      for (const statement of body) {
        const ending = this.#one(statement, scope);
        if (ending !== "end") return ending;
      }
      return "end";
    });
  }

  #one(statement: Statement, scope: Scope): Ending {
    this.#budget.step();
    switch (statement.kind) {
      case "text":
        this.#write(statement.text);
        return "end";
      case "print":
        this.#write(toText(this.#value(statement.value, scope), this.#budget));
        return "end";
      case "if":
        return this.#if(statement, scope);
      case "for":
        return this.#for(statement, this.#value(statement.iterable, scope), scope, 0);
      case "set":
        this.#assign(statement.target, this.#value(statement.value, scope), scope);
        return "end";
      case "set-block": {
        const text = this.textOf(statement.body, new Scope(scope));
        this.#assign(statement.target, this.#filtered(statement.filter, text, scope), scope);
        return "end";
      }
      case "macro":
        scope.set(statement.macro.name, this.#macro(statement.macro, scope));
        return "end";
      case "call-block":
        this.#callBlock(statement, scope);
        return "end";
      case "filter-block": {
        const text = this.textOf(statement.body, new Scope(scope));
        const filtered = this.#filtered(statement.filter, text, scope);
        if (textOf(filtered) === undefined)
          throw failed(`the filter of a block gave ${typeName(filtered)}, expected str`);
        this.#write(toText(filtered, this.#budget));
        return "end";
      }
      case "with": {
        const inner = new Scope(scope);
        // All values are of the scope around, also where an earlier one has the name that a later one reads.
        const values = statement.values.map(([, value]) => this.#value(value, scope));
        for (const [index, [target]] of statement.values.entries())
          this.#assign(target, values[index] ?? null, inner);
        return this.#runIn(inner, statement.body);
      }
      case "generation":
        this.#write(this.textOf(statement.body, new Scope(scope)));
        return "end";
      default:
        return statement.kind;
    }
  }

  #value(expression: Expression, scope: Scope): Value {
    return evaluate(expression, scope, this.#budget);
  }

  #if({ branches, otherwise }: Statement & { readonly kind: "if" }, scope: Scope): Ending {
    const branch = branches.find(({ test }) => isTrue(this.#value(test, scope)));
    return this.#run(branch?.body ?? otherwise, scope);
  }

  #for(
    statement: Statement & { readonly kind: "for" },
    iterable: Value,
    scope: Scope,
    depth: number,
  ): Ending {
    const items = this.#chosen(statement, itemsOf(iterable, this.#budget), scope);
    const recurse = statement.isRecursive
      ? (inner: Value): Value => this.#captured(() => this.#for(statement, inner, scope, depth + 1))
      : undefined;
    const state = new LoopState(items, depth, this.#budget, recurse);
    let isComplete = false;
    for (const [index, item] of items.entries()) {
      this.#budget.step();
      state.moveTo(index);
      const inner = new Scope(scope, [["loop", state.host]]);
      this.#assign(statement.target, item, inner);
      const ending = this.#runIn(inner, statement.body);
      if (ending === "break") break;
      // jinja2 marks a loop as run at the end of its body: one that never came there has its else.
      if (ending === "end") isComplete = true;
    }
    if (!isComplete && statement.otherwise.length > 0)
      return this.#runIn(new Scope(scope), statement.otherwise);
    return "end";
  }

  #chosen(
    { target, test }: Statement & { readonly kind: "for" },
    items: readonly Value[],
    scope: Scope,
  ): readonly Value[] {
    if (test === undefined) return items;
    return items.filter((item) => {
      const inner = new Scope(scope);
      this.#assign(target, item, inner);
      return isTrue(this.#value(test, inner));
    });
  }

  /** What something writes, as a value. */
  #captured(run: () => void): string {
    const before = this.#text;
    this.#text = "";
    run();
    const text = this.#text;
    this.#text = before;
    return text;
  }

  #assign(target: Target, value: Value, scope: Scope): void {
    switch (target.kind) {
      case "name":
        scope.set(target.name, value);
        return;
      case "namespace":
        checkNamespaceName(target.attribute);
        scope.namespace(target.name).attributes.set(target.attribute, value);
        return;
      case "tuple": {
        const items = itemsOf(value, this.#budget);
        if (items.length !== target.items.length)
          throw failed(
            `expected ${target.items.length} values to unpack, found ${items.length} in a ${typeName(value)}`,
          );
        for (const [index, inner] of target.items.entries())
          this.#assign(inner, items[index] ?? null, scope);
      }
    }
  }

  #filtered(filter: Expression | undefined, text: string, scope: Scope): Value {
    if (filter === undefined) return text;
    if (filter.kind !== "filter") throw failed("expected a filter");
    const value = filter.target === undefined ? text : this.#filtered(filter.target, text, scope);
    return runFilter(
      filter.name,
      value,
      argumentsOf(filter.args, scope, this.#budget),
      this.#budget,
    );
  }

  #macro(shape: MacroShape, scope: Scope): Value {
    return macroValue(shape, scope, (body, inner) => this.textOf(body, inner));
  }

  #callBlock({ call, caller }: Statement & { readonly kind: "call-block" }, scope: Scope): void {
    if (call.kind !== "call") throw failed("expected a call");
    const callee = this.#value(call.callee, scope);
    const args = argumentsOf(call.args, scope, this.#budget);
    const named = new Map(args.named).set("caller", this.#macro(caller, scope));
    const result = callValue(callee, { positional: args.positional, named }, this.#budget);
    this.#write(toText(result, this.#budget));
  }
}
