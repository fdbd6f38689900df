import type { Ops } from "../ops.ts";
import { composedSteps, kernelsOf } from "../steps/composed.ts";
import type { Steps } from "../steps/steps.ts";
import type { NativeCalls } from "./calls.ts";

/** The steps of this package's kernels beside native TensorFlow. */
export function nativeSteps(ops: Ops, calls: NativeCalls): Steps {
  return composedSteps(ops, {
    ...kernelsOf(calls),
    layer: (x, weights, context, composed) => {
      // Keys that are cached before they are rotated, neighbours that are rotated together, and windows are only known to the single
      // steps, and so are tokens of several texts.
      const fits =
        context.parts === undefined &&
        context.allRotary === undefined &&
        context.newRotary?.pairs === "halves" &&
        context.window === undefined;
      return fits ? calls.layer(x, weights, context) : composed();
    },
  });
}
