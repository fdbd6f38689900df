import type { ModelConfig } from "../../model/config/model-config.ts";
import type { Value } from "../backends/ops.ts";
import type { Carried, Steps } from "../backends/steps/steps.ts";
import { linearWeights, type ModuleWeights } from "./parameters.ts";

/**
 * RMSNorm (Zhang and Sennrich 2019, arXiv 1910.07467, equation 4): weight · x / sqrt(mean(x²) + ε), or LayerNorm, which alone has a bias;
 * [B, T, C] -> [B, T, C].
 */
export function norm(
  steps: Steps<Carried>,
  weights: ModuleWeights,
  config: ModelConfig,
  x: Value,
): Value {
  const { weight, bias } = linearWeights(weights);
  return bias === undefined
    ? steps.norm(x, weight, config.rmsNormEps)
    : steps.layerNorm(x, { weight, bias }, config.rmsNormEps);
}
