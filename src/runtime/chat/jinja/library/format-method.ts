import type { Budget } from "../budget.ts";
import { formatValue } from "./format-spec.ts";
import { failed, unsupported } from "../problem.ts";
import { represent, toText } from "../values/print.ts";
import type { Arguments, Value } from "../values/value.ts";

const FIELD = /\{\{|\}\}|\{([^{}!:]*)(?:!([^{}:]*))?(?::([^{}]*))?\}|[{}]/gu;

/** Python's `text.format(…)`, with fields by position or name; none of their attributes or items. */
export function formatText(format: string, args: Arguments, budget: Budget): string {
  let next = 0;
  let isNumbered = false;
  budget.make(format.length);
  const valueOf = (field: string): Value => {
    if (/[.[\]]/.test(field)) throw unsupported("an attribute or item in str.format");
    const isAutomatic = field === "";
    if (isAutomatic && isNumbered) throw failed("cannot switch from manual field specification");
    if (/^\d+$/.test(field)) {
      if (next > 0) throw failed("cannot switch from automatic field numbering");
      isNumbered = true;
    }
    const value =
      isAutomatic || (isNumbered && /^\d+$/.test(field))
        ? args.positional[isAutomatic ? next++ : Number(field)]
        : args.named.get(field);
    if (value === undefined) throw failed(`str.format: no argument for the field '${field}'`);
    return value;
  };
  const text = format.replaceAll(
    FIELD,
    (
      whole,
      field: string | undefined,
      conversion: string | undefined,
      spec: string | undefined,
    ) => {
      if (whole === "{{" || whole === "}}") return whole.slice(1);
      if (field === undefined) {
        if (whole === "{") throw unsupported("a field within a field of str.format");
        throw failed("Single '}' encountered in format string");
      }
      const value = valueOf(field);
      if (conversion === undefined) return formatValue(value, spec ?? "", budget);
      if (conversion === "s") return formatValue(toText(value, budget), spec ?? "", budget);
      if (conversion === "r") return formatValue(represent(value, budget), spec ?? "", budget);
      throw unsupported(`the conversion !${conversion}`);
    },
  );
  budget.make(text.length);
  return text;
}
