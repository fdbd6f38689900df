import { isInstanceNormWord, isSlopesWord, recurrentFirstName } from "../../model/unknown-names.ts";
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
  if (target === "paddle" && !isNorm) {
    const other = otherKey(tensor, module);
    if (other?.isCertain === true)
      return { kind: "named", name: joinName(path, OTHER_KEYS[other.of]) };
  }
  if (target === "torch") {
    const first = recurrentFirstName(name);
    if (first !== undefined && names.has(first)) return { kind: "copy", of: first };
    // paddle.nn.InstanceNorm calls its factor scale, PReLU its slopes _weight.
    const isScale = key === "scale" && shape.length === 1 && module.get("bias")?.shape.length === 1;
    const isSlopes = key === "_weight" && shape.length === 1 && module.size === 1;
    if ((isScale && !module.has("weight")) || isSlopes)
      return { kind: "named", name: joinName(path, "weight") };
  }
  return { kind: "named", name };
}

/** What paddle.nn calls the weights of two modules (v3.3, python/paddle/nn/layer/activation.py, norm.py); torch.nn calls both weight. */
export const OTHER_KEYS = { PReLU: "_weight", InstanceNorm: "scale" } as const;

/** Which of them a vector called weight may be: certain by its module's word, or by being a single slope. */
export function otherKey(
  { name, shape }: StoredTensor,
  module: ModuleTensors,
): { readonly of: keyof typeof OTHER_KEYS; readonly isCertain: boolean } | undefined {
  const { module: path, key } = splitName(name);
  if (key !== "weight" || shape.length !== 1 || module.has("running_mean")) return undefined;
  const word = splitName(path).key;
  if (module.size === 1) return { of: "PReLU", isCertain: shape[0] === 1 || isSlopesWord(word) };
  const hasBias = module.size === 2 && module.get("bias")?.shape.length === 1;
  return hasBias ? { of: "InstanceNorm", isCertain: isInstanceNormWord(word) } : undefined;
}
