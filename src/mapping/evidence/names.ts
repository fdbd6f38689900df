import { recurrentFirstName } from "../../model/unknown-names.ts";
import type { LinearLayout } from "../../model/parameter.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import { joinName, splitName, type ModuleTensors } from "./modules.ts";

/** What the two frameworks call the same buffers of a BatchNorm. */
const BUFFERS: readonly { readonly torch: string; readonly paddle: string }[] = [
  { torch: "running_mean", paddle: "_mean" },
  { torch: "running_var", paddle: "_variance" },
];

/** What becomes of a name in the other framework. */
export type Renaming =
  | { readonly kind: "named"; readonly name: string }
  | { readonly kind: "dropped"; readonly why: string }
  /** The same parameter a second time; its values are compared before it is left out. */
  | { readonly kind: "copy"; readonly of: string };

/** The name of a tensor in the framework whose layout is the target's. */
export function renamed(
  tensor: StoredTensor,
  module: ModuleTensors,
  names: ReadonlySet<string>,
  target: LinearLayout,
): Renaming {
  const { name, shape } = tensor;
  const { module: path, key } = splitName(name);
  const from = target === "torch" ? "paddle" : "torch";
  const isNorm = BUFFERS.every((buffer) => module.get(buffer[from])?.shape.length === 1);
  if (isNorm) {
    const buffer = BUFFERS.find((one) => one[from] === key);
    if (buffer !== undefined) return { kind: "named", name: joinName(path, buffer[target]) };
    if (key === "num_batches_tracked")
      return { kind: "dropped", why: "Paddle's BatchNorm does not count batches" };
  }
  if (target === "torch") {
    const first = recurrentFirstName(name);
    if (first !== undefined && names.has(first)) return { kind: "copy", of: first };
    // paddle.nn.InstanceNorm calls its factor scale, PReLU its slopes _weight.
    const isScale = key === "scale" && shape.length === 1 && module.get("bias")?.shape.length === 1;
    const isSlope = key === "_weight" && shape.length === 1 && module.size === 1;
    if ((isScale && !module.has("weight")) || isSlope)
      return { kind: "named", name: joinName(path, "weight") };
  }
  return { kind: "named", name };
}
