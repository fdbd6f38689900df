import type { Budget } from "../budget.ts";
import type { Arguments, Value } from "../values/value.ts";

/** What a filter needs beside its arguments. */
export interface FilterContext {
  readonly budget: Budget;
  /** Runs another filter by its name, as `map` does. */
  readonly filter: (name: string, value: Value, args: Arguments) => Value;
}

export type Filter = (value: Value, args: Arguments, context: FilterContext) => Value;
