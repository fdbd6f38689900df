import type { Ops } from "../ops.ts";
import { composedSteps, kernelsOf } from "../steps/composed.ts";
import { oneByOne, type Steps, type TokenContext } from "../steps/steps.ts";
import type { NativeCalls } from "./calls.ts";

/** The steps of this package's kernels beside native TensorFlow. */
export function nativeSteps(ops: Ops, calls: NativeCalls): Steps {
  return composedSteps(ops, {
    ...kernelsOf(calls),
    layers: (x, layers, composed) => {
      const [first] = layers;
      const fit = layers.every(
        ({ context }) => fits(context) && context.newRotary === first?.context.newRotary,
      );
      return fit ? calls.layers(x, layers) : oneByOne(x, layers, composed);
    },
    layerBytes: LAYER_BYTES,
  });
}

/**
 * Whether our kernel of a layer computes it: keys that are cached before they are rotated, neighbours that are rotated together, and windows are
 * only known to the single steps, and so are tokens of several texts.
 */
function fits({ parts, allRotary, newRotary, window }: TokenContext): boolean {
  return (
    parts === undefined &&
    allRotary === undefined &&
    newRotary?.pairs === "halves" &&
    window === undefined
  );
}

/** Read in some 8 ms, for which timers and sockets may wait (`Breather`). */
const LAYER_BYTES = 128 * 2 ** 20;
