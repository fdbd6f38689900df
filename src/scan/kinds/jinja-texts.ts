import type { Expression } from "../../runtime/chat/jinja/syntax/ast.ts";

/** Whether an expression may be, or hold, a text that stands in the template: there, or in a variable of one. */
export function holdsText(value: Expression | undefined, texts: ReadonlySet<string>): boolean {
  const any = (items: readonly (Expression | undefined)[]): boolean =>
    items.some((item) => holdsText(item, texts));
  switch (value?.kind) {
    case "constant":
      return typeof value.value === "string" && value.value.length > 1;
    case "name":
      return texts.has(value.name);
    case "list":
    case "tuple":
      return any(value.items);
    case "dict":
      return any(value.pairs.flat());
    case "or":
    case "and":
      return any([value.left, value.right]);
    case "condition":
      return any([value.value, value.otherwise]);
    case "filter":
      return any([value.target]);
    case "item":
    case "attribute":
      return any([value.object]);
    case "call":
      if (value.callee.kind === "attribute") return any([value.callee.object]);
      return (
        value.callee.kind === "name" &&
        value.callee.name === "dict" &&
        (value.args.named.length > 0 || any(value.args.positional))
      );
    default:
      return false;
  }
}
