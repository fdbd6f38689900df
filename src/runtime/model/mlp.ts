import type { Value } from "../backends/ops.ts";
import type { Carried, Steps } from "../backends/steps/steps.ts";
import { linear, linearWeights, type ModuleWeights } from "./parameters.ts";

/** SwiGLU (Shazeer 2020, arXiv 2002.05202, equation 6): down(silu(gate(x)) · up(x)); [B, T, C] -> [B, T, C]. I: intermediate size. */
export function mlp(steps: Steps<Carried>, weights: ModuleWeights, x: Value): Value {
  const gate = linearWeights(weights.scope("gate_proj"));
  const up = linearWeights(weights.scope("up_proj"));
  return steps.inParts(x, (part) => {
    const gated = steps.gatedLinear(part, gate, up); // [B, T, I]
    return linear(steps, weights.scope("down_proj"), gated); // [B, T, C]
  });
}
