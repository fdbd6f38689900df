import type { ModelConfig } from "../../model/config/model-config.ts";
import type { BlockOps, Value } from "../backends/ops.ts";
import { projectionParameters } from "./attention.ts";
import { preNormBlock, type BlockKind } from "./block.ts";
import { inParts } from "./mlp.ts";
import { linear, linearParameters, type ModuleWeights, type ParameterSpec } from "./parameters.ts";

function gluParameters({
  hiddenSize: c,
  intermediateSize: i,
}: ModelConfig): readonly ParameterSpec[] {
  return [
    ...linearParameters("gate_up_proj", 2 * i, c, false),
    ...linearParameters("down_proj", c, i, false),
  ];
}

/** SwiGLU with gate and up in one Linear, gate first; [B, T, C] -> [B, T, C]. */
function glu(ops: BlockOps, weights: ModuleWeights, x: Value): Value {
  const both = linear(ops, weights.scope("gate_up_proj"), x); // [B, T, C] -> [B, T, 2·I]
  const size = (both.shape[2] ?? 0) / 2;
  const gate = ops.silu(ops.slice(both, 2, 0, size)); // [B, T, I]
  const up = ops.slice(both, 2, size, size); // [B, T, I]
  return linear(ops, weights.scope("down_proj"), ops.mul(gate, up)); // [B, T, I] -> [B, T, C]
}

/**
 * The block of ChatGLM2 and of stock transformers' Glm (v5.23.0, models/glm/modeling_glm.py): LLaMA's, with biases on queries,
 * keys and values alone and one Linear for gate and up. Which dimensions turn is the configuration's to say.
 */
export const GLM_BLOCK: BlockKind = preNormBlock({
  attentionParameters: (config) => projectionParameters(config, false),
  mlpParameters: gluParameters,
  mlp: (ops, weights, x) => inParts(ops, x, (part) => glu(ops, weights, part)),
});
