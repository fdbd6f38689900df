import type { PickleValue } from "../pickle/value.ts";

/** Every persistent id in a tree, wherever it stands; walked without recursion, cycles and all. */
export function* persistentsIn(
  root: PickleValue,
): Generator<Extract<PickleValue, { kind: "persistent" }>> {
  const seen = new Set<PickleValue>();
  const pending: PickleValue[] = [root];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    if (value.kind === "persistent") yield value;
    for (const child of childrenOf(value))
      if (typeof child === "object" && child !== null) pending.push(child);
  }
}

/** Keys of the storages that a tree names, whether or not they are well described. */
export function storageKeys(root: PickleValue): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const { id } of persistentsIn(root)) {
    const items = typeof id === "object" && id?.kind === "tuple" ? id.items : [];
    const key = items[2];
    if (typeof key === "string") keys.add(key);
  }
  return keys;
}

function* childrenOf(
  value: Exclude<PickleValue, null | boolean | number | bigint | string>,
): Generator<PickleValue> {
  switch (value.kind) {
    case "list":
    case "tuple":
    case "set":
      yield* value.items;
      break;
    case "dict":
      for (const entry of value.entries) yield* entry;
      break;
    case "reduce":
      yield value.args;
      yield* value.items;
      for (const entry of value.entries) yield* entry;
      if (value.state !== undefined) yield value.state;
      break;
    case "persistent":
    case "float":
    case "bytes":
    case "text":
    case "global":
      break;
    default:
      value satisfies never;
  }
}
