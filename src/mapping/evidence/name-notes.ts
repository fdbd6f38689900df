import type { LinearLayout } from "../../model/parameter.ts";
import { shownName } from "../../tensor/shown-name.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import { joinName, splitName, type ModuleTensors } from "./modules.ts";
import { OTHER_KEYS, otherKey } from "./names.ts";

/** Axes of a convolution's weight, the fewest. */
const CONVOLUTION_AXES = 3;

/**
 * What is said of vectors that Paddle may call otherwise and that nothing tells: PReLU's slopes look like an RMSNorm's weight, an
 * InstanceNorm's weight like a GroupNorm's. Said of networks with convolutions alone, where such modules are.
 */
export function nameNotes(
  tensors: readonly StoredTensor[],
  modules: ReadonlyMap<string, ModuleTensors>,
  target: LinearLayout,
): readonly string[] {
  const hasConvolution = tensors.some(
    ({ name, shape }) =>
      shape.length >= CONVOLUTION_AXES && splitName(name).key.startsWith("weight"),
  );
  if (target !== "paddle" || !hasConvolution) return [];
  return (["PReLU", "InstanceNorm"] as const).flatMap((layer) => {
    const open = tensors.filter((tensor) => {
      const other = otherKey(tensor, modules.get(splitName(tensor.name).module) ?? new Map());
      return other?.of === layer && !other.isCertain;
    });
    const [first] = open;
    if (first === undefined) return [];
    const more = open.length > 1 ? ` and ${open.length - 1} more` : "";
    const to = joinName(splitName(first.name).module, OTHER_KEYS[layer]);
    return [
      `${shownName(first.name)}${more}: nothing tells whether it is a ${layer}'s, whose weight Paddle calls ${OTHER_KEYS[layer]}; if it is one: --rename '${first.name}=${to}'`,
    ];
  });
}
