import type { Activation } from "../../model/config/model-config.ts";
import type { Value } from "../backends/ops.ts";
import type { Carried, Steps } from "../backends/steps/steps.ts";
import { linear, linearWeights, type ModuleWeights } from "./parameters.ts";

/** What a gate goes through; SiLU where undefined. */
interface Gate {
  readonly activation?: Activation | undefined;
}

/** SwiGLU (Shazeer 2020, arXiv 2002.05202, equation 6): down(silu(gate(x)) · up(x)); [B, T, C] -> [B, T, C]. I: intermediate size. */
export function mlp(
  steps: Steps<Carried>,
  weights: ModuleWeights,
  x: Value,
  { activation }: Gate,
): Value {
  if (activation !== undefined) return gatedBy(activation)(steps, weights, x);
  const gate = linearWeights(weights.scope("gate_proj"));
  const up = linearWeights(weights.scope("up_proj"));
  return steps.inParts(x, (part) => {
    const gated = steps.gatedLinear(part, gate, up); // [B, T, I]
    return linear(steps, weights.scope("down_proj"), gated); // [B, T, C]
  });
}

/** The same with another activation than SiLU (GEGLU, ReGLU); [B, T, C] -> [B, T, C]. */
function gatedBy(
  activation: Activation,
): (steps: Steps<Carried>, weights: ModuleWeights, x: Value) => Value {
  return (steps, weights, x) =>
    steps.inParts(x, (part) => {
      const gate = steps.activate(linear(steps, weights.scope("gate_proj"), part), activation); // [B, T, I]
      const up = linear(steps, weights.scope("up_proj"), part); // [B, T, I]
      return linear(steps, weights.scope("down_proj"), steps.multiply(gate, up)); // [B, T, C]
    });
}
