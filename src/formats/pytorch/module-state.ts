import type { PickleDict, PickleValue } from "../pickle/value.ts";

/** Modules in modules; the deepest networks nest a few dozen. */
const MAX_DEPTH = 64;

/** Modules of one network; shared ones are counted each time, so that hostile files cannot multiply them without end. */
const MAX_MODULES = 100_000;

/**
 * The state dict of a module that was pickled whole, as `state_dict()` would give it: parameters, then persistent buffers, then
 * the modules below (torch v2.6.0, torch/nn/modules/module.py, `_save_to_state_dict`). Undefined for any other value.
 */
export function moduleState(value: PickleValue): PickleDict | undefined {
  return stateOf(value, 0, { modules: 0 });
}

/** What a module that was pickled whole holds of its own; nothing for any other value. */
export function partsOfModule(value: PickleValue): readonly PickleValue[] {
  const fields = fieldsOf(value);
  return ["_parameters", "_buffers", "_modules"].flatMap((field) =>
    entriesOf(fields?.get(field)).map(([, item]) => item),
  );
}

/** Whether a value is a module that was pickled whole. */
export function isModule(value: PickleValue): boolean {
  return fieldsOf(value) !== undefined;
}

function stateOf(
  value: PickleValue,
  depth: number,
  budget: { modules: number },
): PickleDict | undefined {
  const fields = fieldsOf(value);
  if (fields === undefined || depth > MAX_DEPTH || budget.modules++ > MAX_MODULES) return undefined;
  const transient = new Set(itemsOf(fields.get("_non_persistent_buffers_set")));
  const buffers = entriesOf(fields.get("_buffers")).filter(([key]) => !transient.has(key));
  const entries: (readonly [PickleValue, PickleValue])[] = [
    ...entriesOf(fields.get("_parameters")),
    ...buffers,
  ].filter(([, item]) => item !== null);
  for (const [key, item] of entriesOf(fields.get("_modules"))) {
    if (item === null) continue;
    entries.push([key, stateOf(item, depth + 1, budget) ?? item]);
  }
  return { kind: "dict", entries };
}

/** The attributes of a pickled module; undefined for what is none. */
function fieldsOf(value: PickleValue): ReadonlyMap<PickleValue, PickleValue> | undefined {
  if (typeof value !== "object" || value?.kind !== "reduce") return undefined;
  const { state } = value;
  if (typeof state !== "object" || state?.kind !== "dict") return undefined;
  const fields = new Map(state.entries);
  return fields.has("_parameters") && fields.has("_modules") ? fields : undefined;
}

function entriesOf(
  value: PickleValue | undefined,
): readonly (readonly [PickleValue, PickleValue])[] {
  if (typeof value !== "object" || value === null) return [];
  if (value.kind === "dict") return value.entries;
  return value.kind === "reduce" ? value.entries : [];
}

function itemsOf(value: PickleValue | undefined): readonly PickleValue[] {
  if (typeof value !== "object" || value === null) return [];
  if (value.kind === "set" || value.kind === "list") return value.items;
  // Protocols below 4 have no sets of their own: set([…]) is a call.
  return value.kind === "reduce" ? itemsOf(value.args.items[0]) : [];
}
