import type { MacroShape, Statement } from "../syntax/ast.ts";
import { dictOf } from "../values/basics.ts";
import type { Budget } from "../budget.ts";
import { evaluate } from "./evaluate.ts";
import { failed } from "../problem.ts";
import { Scope } from "./scope.ts";
import { Callable, Tuple, Undefined, type Arguments, type Value } from "../values/value.ts";

/** A macro as a value: it sees the scope where it stands, and gives the text that it writes. */
export function macroValue(
  shape: MacroShape,
  scope: Scope,
  textOf: (body: readonly Statement[], scope: Scope) => string,
): Callable {
  const attributes = new Map<string, Value>([
    ["name", shape.name],
    ["arguments", new Tuple(shape.parameters.map(({ name }) => name))],
    ["catch_varargs", shape.takesRest],
    ["catch_kwargs", shape.takesNamedRest],
    ["caller", shape.takesCaller],
  ]);
  return new Callable(
    shape.name,
    (args, budget) => textOf(shape.body, boundScope(shape, args, scope, budget)),
    attributes,
  );
}

function boundScope(shape: MacroShape, args: Arguments, around: Scope, budget: Budget): Scope {
  const { name, parameters } = shape;
  const scope = new Scope(around);
  const named = new Map(args.named);
  const given = parameters.map((parameter, index) => {
    const value =
      index < args.positional.length ? args.positional[index] : named.get(parameter.name);
    if (index >= args.positional.length) named.delete(parameter.name);
    return value;
  });
  setSpecial(shape, scope, named);
  if (shape.takesNamedRest && !isParameter(shape, "kwargs")) scope.set("kwargs", dictOf(named));
  else if (named.size > 0)
    throw failed(`macro '${name}' takes no keyword argument '${[...named.keys()][0] ?? ""}'`);
  if (shape.takesRest && !isParameter(shape, "varargs"))
    scope.set("varargs", new Tuple(args.positional.slice(parameters.length)));
  else if (args.positional.length > parameters.length)
    throw failed(`macro '${name}' takes not more than ${parameters.length} argument(s)`);
  // Defaults are computed in the macro's own scope, from the left: one may read the parameters before it.
  for (const [index, parameter] of parameters.entries()) {
    const value = given[index];
    if (value !== undefined) scope.set(parameter.name, value);
    else if (parameter.fallback !== undefined)
      scope.set(parameter.name, evaluate(parameter.fallback, scope, budget));
    else scope.set(parameter.name, new Undefined(`parameter '${parameter.name}' was not provided`));
  }
  return scope;
}

function isParameter({ parameters }: MacroShape, name: string): boolean {
  return parameters.some((parameter) => parameter.name === name);
}

/** `caller` is taken only where the body asks for it. */
function setSpecial(shape: MacroShape, scope: Scope, named: Map<string, Value>): void {
  if (!shape.takesCaller || isParameter(shape, "caller")) return;
  const caller = named.get("caller");
  scope.set(
    "caller",
    caller === undefined || caller === null ? new Undefined("No caller defined") : caller,
  );
  named.delete("caller");
}
