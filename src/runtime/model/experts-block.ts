import type { ModelConfig } from "../../model/config/model-config.ts";
import type { Value } from "../backends/ops.ts";
import type { Carried, Steps } from "../backends/steps/steps.ts";
import { preNormBlock, type BlockKind } from "./block.ts";
import { mlp } from "./mlp.ts";
import { linear, type ModuleWeights } from "./parameters.ts";

/**
 * A router and the experts that it chooses for each token, and where the model has it, one more that all tokens take, weighted by a
 * gate of its own (transformers v5.23.0, models/qwen2_moe/modeling_qwen2_moe.py, `Qwen2MoeSparseMoeBlock`); in layers without a
 * router, one network.
 */
function experts(
  steps: Steps<Carried>,
  weights: ModuleWeights,
  x: Value,
  { experts: settings }: ModelConfig,
): Value {
  if (settings === undefined || weights.find("gate.weight") === undefined)
    return mlp(steps, weights, x);
  const { count, perToken, isNormalised, sharedSize } = settings;
  return steps.inParts(x, (part) => {
    const scores = linear(steps, weights.scope("gate"), part); // [B, T, E]
    const shared =
      sharedSize === undefined
        ? undefined
        : {
            gate: linear(steps, weights.scope("shared_expert_gate"), part), // [B, T, 1]
            work: (rows: Value): Value => mlp(steps, weights.scope("shared_expert"), rows),
          };
    return steps.experts(part, {
      scores,
      count,
      perToken,
      isNormalised,
      shared,
      work: (expert, rows) => mlp(steps, weights.scope(`experts.${expert}`), rows),
    }); // [B, T, C]
  });
}

/** LLaMA's block with experts for a feed-forward network (Mixtral, Qwen2-MoE, Qwen3-MoE). */
export const EXPERTS_BLOCK: BlockKind = preNormBlock(experts);
