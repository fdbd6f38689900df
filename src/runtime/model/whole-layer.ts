import type { ModelConfig } from "../../model/config/model-config.ts";
import type { BlockOps, Value } from "../backends/ops.ts";
import type { AttentionContext } from "./attention.ts";
import { linearWeights, type ModuleWeights } from "./parameters.ts";

/**
 * LLaMA's block in one call, [B, T, C] -> [B, T, C], on a backend that offers it.
 * @returns undefined where it is to be composed of its steps.
 */
export function wholeLayer(
  ops: BlockOps,
  weights: ModuleWeights,
  config: ModelConfig,
  x: Value,
  { layer, newRotary, allRotary, keyMask, cache }: AttentionContext,
): Value | undefined {
  const whole = ops.fused?.whole;
  // Keys that are cached before they are rotated, and neighbours that turn together, are only known to the steps.
  if (whole === undefined || allRotary !== undefined || newRotary.pairs !== "halves")
    return undefined;
  if (cache !== undefined && cache.extend === undefined) return undefined;
  const { heads, kvHeads, headDim, rmsNormEps: epsilon } = config;
  const [b = 0, t = 0] = x.shape;
  const attention = weights.scope("self_attn");
  const network = weights.scope("mlp");
  const { cos, sin } = newRotary;
  return whole.layer(
    x,
    {
      attentionNorm: weights.get("input_layernorm.weight"),
      networkNorm: weights.get("post_attention_layernorm.weight"),
      epsilon,
      heads,
      kvHeads,
      query: linearWeights(attention.scope("q_proj")),
      key: linearWeights(attention.scope("k_proj")),
      value: linearWeights(attention.scope("v_proj")),
      output: linearWeights(attention.scope("o_proj")),
      gate: linearWeights(network.scope("gate_proj")),
      up: linearWeights(network.scope("up_proj")),
      down: linearWeights(network.scope("down_proj")),
    },
    { cos, sin, keyMask, cached: cache?.extend?.(layer, [b, kvHeads, t, headDim]) },
  );
}
