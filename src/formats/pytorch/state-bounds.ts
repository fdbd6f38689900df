import { WbError } from "../../errors/wb-error.ts";
import type { PickleValue } from "../pickle/value.ts";
import { partsOfModule } from "./module-state.ts";
import { isMapping } from "./state-dict.ts";

/**
 * Values below a file's top, shared ones counted each time: a model, its optimizer and a moving average of 30,000 tensors, as many
 * as a pickle of the most opcodes holds, have some 300,000.
 */
const MAX_VALUES = 1_000_000;

/**
 * Refuses a value that a walk of all its parts would not come to the end of: some bytes of a pickle name one list a hundred
 * thousand times. The search for the model's state walks the whole more than once.
 * @param isLeaf Told of values that are not looked into.
 * @throws WbError WB5204 for more values than any checkpoint has, and for one that holds itself.
 */
export function boundState(
  root: PickleValue,
  label: string,
  isLeaf: (value: PickleValue) => boolean,
): void {
  let count = 0;
  const pending: (readonly PickleValue[])[] = [[root]];
  for (let values = pending.pop(); values !== undefined; values = pending.pop()) {
    for (const value of values) {
      const below = isLeaf(value) ? [] : partsOf(value);
      if (below.length === 0) continue;
      // Counted before they wait, so that what waits stays within the bound, too.
      count += below.length;
      if (count > MAX_VALUES) throw unbounded(label);
      pending.push(below);
    }
  }
}

function unbounded(label: string): WbError {
  return new WbError(
    "WB5204",
    `${label}: nested deeper or wider than any state dict: more than ${MAX_VALUES} values, shared ones counted each time`,
    { details: { where: label } },
  );
}

function partsOf(value: PickleValue): readonly PickleValue[] {
  if (typeof value !== "object" || value === null) return [];
  if (value.kind === "list" || value.kind === "tuple") return value.items;
  if (!isMapping(value)) return partsOfModule(value);
  const own = value.entries.map(([, item]) => item);
  // What an OrderedDict was called with becomes its entries.
  return value.kind === "reduce" ? [...value.args.items, ...own] : own;
}
