import type { ModelConfig } from "../../model/config/model-config.ts";
import type { Value } from "../backends/ops.ts";
import type { Carried, Steps } from "../backends/steps/steps.ts";
import type { ModuleWeights } from "./parameters.ts";

/** RMSNorm (Zhang and Sennrich 2019, arXiv 1910.07467, equation 4): weight · x / sqrt(mean(x²) + ε); [B, T, C] -> [B, T, C]. */
export function norm(
  steps: Steps<Carried>,
  weights: ModuleWeights,
  config: ModelConfig,
  x: Value,
): Value {
  return steps.norm(x, weights.get("weight"), config.rmsNormEps);
}
