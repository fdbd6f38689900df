import type { ModelConfig } from "../../model/config/model-config.ts";
import type { Value } from "../backends/ops.ts";
import type { Carried, Steps } from "../backends/steps/steps.ts";
import { preNormBlock, type BlockKind } from "./block.ts";
import { mlp } from "./mlp.ts";
import { linear, type ModuleWeights } from "./parameters.ts";

/**
 * A router and the experts that it chooses for each token, and where the model has it, one more that all tokens take: weighted by a
 * gate of its own (transformers v5.23.0, models/qwen2_moe/modeling_qwen2_moe.py, `Qwen2MoeSparseMoeBlock`) or as it is
 * (models/deepseek_v3/modeling_deepseek_v3.py, `DeepseekV3MoE`); in layers without a router, one network.
 */
export function experts(
  steps: Steps<Carried>,
  weights: ModuleWeights,
  x: Value,
  { experts: settings }: ModelConfig,
): Value {
  if (settings === undefined || weights.find("gate.weight") === undefined)
    return mlp(steps, weights, x);
  const { count, perToken, isNormalised, ...routing } = settings;
  const gate = weights.scope("shared_expert_gate");
  const correction = weights.find(CORRECTIONS[0]) ?? weights.find(CORRECTIONS[1]);
  return steps.inParts(x, (part) => {
    const scores = linear(steps, weights.scope("gate"), part); // [B, T, E]
    const shared =
      gate.find("weight") === undefined
        ? undefined
        : {
            gate: linear(steps, gate, part), // [B, T, 1]
            work: (rows: Value): Value => mlp(steps, weights.scope("shared_expert"), rows),
          };
    const routed = steps.experts(part, {
      scores,
      count,
      perToken,
      isNormalised,
      routing: { ...routing, correction },
      shared,
      work: (expert, rows) => mlp(steps, weights.scope(`experts.${expert}`), rows),
    }); // [B, T, C]
    if (weights.find("shared_experts.gate_proj.weight") === undefined) return routed;
    return steps.add(routed, mlp(steps, weights.scope("shared_experts"), part)); // [B, T, C]
  });
}

/** What models call the numbers that are added to scores, of DeepSeek-V3's kind and ERNIE's. */
const CORRECTIONS = [
  "gate.e_score_correction_bias",
  "moe_statics.e_score_correction_bias",
] as const;

/** LLaMA's block with experts for a feed-forward network (Mixtral, Qwen2-MoE, Qwen3-MoE, ERNIE 4.5, GLM-4.5). */
export const EXPERTS_BLOCK: BlockKind = preNormBlock(experts);
