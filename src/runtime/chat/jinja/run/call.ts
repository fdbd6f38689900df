import type { Budget } from "../budget.ts";
import { failed } from "../problem.ts";
import { isObject, typeName, type Arguments, type Value } from "../values/value.ts";

/** `callee(…)`. @throws JinjaError for what cannot be called. */
export function callValue(callee: Value, args: Arguments, budget: Budget): Value {
  budget.step();
  if (isObject(callee)) {
    if (callee.kind === "callable") return budget.nested(() => callee.call(args, budget));
    const host = callee.kind === "host" ? callee.call : undefined;
    if (host !== undefined) return budget.nested(() => host(args, budget));
    if (callee.kind === "undefined") throw failed(callee.reason);
  }
  throw failed(`'${typeName(callee)}' object is not callable`);
}
