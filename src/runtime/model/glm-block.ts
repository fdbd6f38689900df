import type { ModelConfig } from "../../model/config/model-config.ts";
import type { Value } from "../backends/ops.ts";
import type { Carried, Steps } from "../backends/steps/steps.ts";
import { GLM4_NORMS } from "../../model/network.ts";
import { preNormBlock, type BlockKind } from "./block.ts";
import { linear, type ModuleWeights } from "./parameters.ts";

/** SwiGLU with gate and up in one Linear, gate first, or another activation in place of SiLU; [B, T, C] -> [B, T, C]. */
function glu(
  steps: Steps<Carried>,
  weights: ModuleWeights,
  x: Value,
  { activation, intermediateSize: size }: ModelConfig,
): Value {
  return steps.inParts(x, (part) => {
    const both = linear(steps, weights.scope("gate_up_proj"), part); // [B, T, 2·I]
    if (activation === undefined)
      return linear(steps, weights.scope("down_proj"), steps.gatedHalves(both)); // [B, T, C]
    const [gate = both, up = both] = steps.split(both, [size, size]); // [B, T, I]
    const gated = steps.multiply(steps.activate(gate, activation), up); // [B, T, I]
    return linear(steps, weights.scope("down_proj"), gated); // [B, T, C]
  });
}

/**
 * The block of ChatGLM2 and of stock transformers' Glm (v5.23.0, models/glm/modeling_glm.py): LLaMA's, with biases on queries,
 * keys and values alone and one Linear for gate and up. Which dimensions are rotated is the configuration's to say.
 */
export const GLM_BLOCK: BlockKind = preNormBlock(glu);

/** GLM-4-0414's, which norms what attention and the feed-forward network give, too (v5.23.0, models/glm4/modeling_glm4.py). */
export const GLM4_BLOCK: BlockKind = preNormBlock(glu, GLM4_NORMS);
