import { WbError } from "../../errors/wb-error.ts";
import { describeValue } from "../pickle/stack.ts";
import type { PickleValue } from "../pickle/value.ts";
import { isMapping, mappingEntries } from "../pytorch/state-dict.ts";
import { isCount } from "../pytorch/storage.ts";

/** @throws WbError WB3608. */
export function wrong(path: string, problem: string): WbError {
  return new WbError("WB3608", `${path}: DeepSpeed's checkpoint: ${problem}`, {
    details: { path },
  });
}

/** The entries of a dict by their names; empty for what is not there. @throws WbError WB3608. */
export function namedEntries(
  value: PickleValue | undefined,
  what: string,
  label: string,
): ReadonlyMap<string, PickleValue> {
  if (value === undefined || value === null) return new Map();
  if (!isMapping(value)) throw wrong(label, `${what} is ${describeValue(value)}, expected a dict`);
  const entries = new Map<string, PickleValue>();
  for (const [key, item] of mappingEntries(value, label)) {
    if (typeof key !== "string" || entries.has(key))
      throw wrong(label, `${what} has the key ${describeValue(key)}, expected names, each once`);
    entries.set(key, item);
  }
  return entries;
}

/** The items of a list; empty for what is not there. @throws WbError WB3608. */
export function listItems(
  value: PickleValue | undefined,
  what: string,
  label: string,
): readonly PickleValue[] {
  if (value === undefined || value === null) return [];
  if (typeof value === "object" && (value.kind === "list" || value.kind === "tuple"))
    return value.items;
  throw wrong(label, `${what} is ${describeValue(value)}, expected a list`);
}

/** A number of elements or of files. @throws WbError WB3608. */
export function countIn(value: PickleValue | undefined, what: string, label: string): number {
  if (isCount(value)) return value;
  throw wrong(label, `${what} is ${describeValue(value)}, expected a number`);
}

/** torch.Size((…)), or a list of sizes. @throws WbError WB3608. */
export function sizesIn(value: PickleValue, what: string, label: string): readonly number[] {
  const isSize =
    typeof value === "object" && value?.kind === "reduce" && value.callable.name === "Size";
  const items = listItems(isSize ? value.args.items[0] : value, what, label);
  return items.map((item) => countIn(item, what, label));
}

/** A text. @throws WbError WB3608. */
export function textIn(value: PickleValue | undefined, what: string, label: string): string {
  if (typeof value === "string") return value;
  throw wrong(label, `${what} is ${describeValue(value)}, expected a name`);
}
