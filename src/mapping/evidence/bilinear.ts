import { isBilinearWord } from "../../model/unknown-names.ts";
import type { LinearLayout } from "../../model/parameter.ts";
import type { TensorView } from "../assembly.ts";
import { splitName, type ModuleTensors } from "./modules.ts";

/**
 * The bias of a Bilinear as the target has it: Paddle keeps it as [1, out] (v3.3, python/paddle/nn/layer/common.py), torch as [out]. No other
 * module has a bias of Paddle's shape; on the way to Paddle a Conv1D has the same shapes, so that the module's word has to tell.
 */
export function withBiasAxes(
  view: TensorView,
  module: ModuleTensors,
  target: LinearLayout,
): TensorView {
  const { module: path, key } = splitName(view.tensor.name);
  const weight = module.get("weight")?.shape;
  if (key !== "bias" || weight?.length !== 3) return view;
  const [outputs = 0] = weight;
  const [first = 0, second = 0] = view.shape;
  const [, step = 1] = view.strides;
  if (target === "torch")
    return view.shape.length === 2 && first === 1 && second === outputs
      ? { ...view, shape: [outputs], strides: [step] }
      : view;
  const isBilinear = isBilinearWord(splitName(path).key);
  return isBilinear && view.shape.length === 1 && first === outputs
    ? { ...view, shape: [1, outputs], strides: [outputs, ...view.strides] }
    : view;
}
