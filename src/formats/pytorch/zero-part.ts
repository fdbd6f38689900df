import { WbError } from "../../errors/wb-error.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import type { PickleValue } from "../pickle/value.ts";
import { isMapping, mappingEntries } from "./state-dict.ts";

/**
 * Refuses a rank's file of DeepSpeed's ZeRO 3: its module has empty tensors where `param_shapes` has parameters, which are in parts in
 * the files of the optimizer's states.
 * @throws WbError WB4006.
 */
export function refuseZeroPart(
  root: PickleValue,
  tensors: readonly StoredTensor[],
  label: string,
): void {
  const empty = tensors.filter(({ shape }) => shape.includes(0));
  if (empty.length === 0 || !isMapping(root)) return;
  const shapes = mappingEntries(root, label).find(([key]) => key === "param_shapes")?.[1];
  const whole = parametersOf(shapes, label);
  const part = empty.find(({ name }) => whole.has(name));
  if (part === undefined) return;
  throw new WbError(
    "WB4006",
    `${label}: the file of one of DeepSpeed's ranks: ${part.name} is in parts in the files of all of them`,
    { details: { path: label, files: [label] } },
  );
}

/** Names of parameters that have elements: their shapes are torch.Size((…)). */
function parametersOf(shapes: PickleValue | undefined, label: string): ReadonlySet<string> {
  const groups = typeof shapes === "object" && shapes?.kind === "list" ? shapes.items : [];
  const names = groups.flatMap((group) => (isMapping(group) ? mappingEntries(group, label) : []));
  return new Set(
    names.flatMap(([name, size]) => (typeof name === "string" && !hasZero(size) ? [name] : [])),
  );
}

function hasZero(size: PickleValue): boolean {
  const sizes = typeof size === "object" && size?.kind === "reduce" ? size.args.items[0] : size;
  return typeof sizes === "object" && sizes?.kind === "tuple" && sizes.items.includes(0);
}
