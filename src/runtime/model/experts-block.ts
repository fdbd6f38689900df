import { WbError } from "../../errors/wb-error.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import type { Ops, Value, Weight } from "../backends/ops.ts";
import type { Steps, TokenContext } from "../backends/steps/steps.ts";
import { preNormBlock, type Observer, type PreNormBlock } from "./block.ts";
import { mlp } from "./mlp.ts";
import { linear, ModuleWeights } from "./parameters.ts";
import { chosenExperts, type ExpertChoice } from "./routed-experts.ts";

/** A layer whose experts are read when the router has chosen them. */
export interface RoutedLayer {
  readonly ops: Ops;
  readonly steps: Steps;
  readonly config: ModelConfig;
  readonly block: PreNormBlock;
  /** All of the layer but its experts. */
  readonly weights: ModuleWeights;
  /** `ExpertStore.each` in this layer, with parameters by their names in it. */
  readonly each: (
    experts: readonly number[],
    use: (expert: number, weights: ReadonlyMap<string, Weight>) => void,
  ) => Promise<void>;
}

/**
 * Attention, a router and the experts that it chooses for each token, and where the model has it, one more that all tokens take:
 * weighted by a gate of its own (transformers v5.23.0, models/qwen2_moe/modeling_qwen2_moe.py, `Qwen2MoeSparseMoeBlock`) or as it is
 * (models/deepseek_v3/modeling_deepseek_v3.py, `DeepseekV3MoE`); [B, T, C] -> [B, T, C].
 */
export async function routedLayer(
  layer: RoutedLayer,
  x: Value,
  context: TokenContext,
  observe?: Observer,
): Promise<Value> {
  const { ops, steps, config, block, weights } = layer;
  const [middle, normed] = ops.scope(() =>
    block.beforeNetwork(steps, weights, config, x, context, observe),
  ); // [B, T, C]
  try {
    const fed = await experts(layer, weights.scope("mlp"), normed); // [B, T, C]
    try {
      return ops.scope(() =>
        block.afterNetwork(steps, weights, config, middle, () => fed, observe),
      );
    } finally {
      ops.free(fed);
    }
  } finally {
    ops.free(middle);
    ops.free(normed);
  }
}

/** What the experts make of [B, T, C]; the caller frees it. */
async function experts(
  { ops, steps, config, each }: RoutedLayer,
  weights: ModuleWeights,
  x: Value,
): Promise<Value> {
  const { experts: settings } = config;
  if (settings === undefined) throw new WbError("WB7001", "a router in a model without experts");
  const sharedGate = weights.scope("shared_expert_gate");
  const hasGate = sharedGate.find("weight") !== undefined;
  const [scores, gate] = ops.scope(() => [
    linear(steps, weights.scope("gate"), x), // [B, T, E]
    ...(hasGate ? [linear(steps, sharedGate, x)] : []), // [B, T, 1]
  ]);
  try {
    const choice: ExpertChoice = {
      scores: scores ?? x,
      settings,
      correction: numbersOf(ops, weights.find(CORRECTIONS[0]) ?? weights.find(CORRECTIONS[1])),
      shared:
        gate === undefined
          ? undefined
          : { gate, work: (rows) => mlp(steps, weights.scope("shared_expert"), rows, config) },
      each: (chosen, use) =>
        each(chosen, (expert, own) => {
          const module = new ModuleWeights(own, `mlp.experts.${expert}.`);
          use(expert, (rows) => mlp(steps, module, rows, config));
        }),
    };
    const routed = await chosenExperts(ops, x, choice);
    if (weights.find("shared_experts.gate_proj.weight") === undefined) return routed;
    try {
      return ops.scope(() =>
        steps.add(routed, mlp(steps, weights.scope("shared_experts"), x, config)),
      ); // [B, T, C]
    } finally {
      ops.free(routed);
    }
  } finally {
    for (const value of [scores, gate]) if (value !== undefined) ops.free(value);
  }
}

/** What models call the numbers that are added to scores, of DeepSeek-V3's kind and ERNIE's. */
const CORRECTIONS = [
  "gate.e_score_correction_bias",
  "moe_statics.e_score_correction_bias",
] as const;

/** A parameter of one axis in host memory. */
function numbersOf(ops: Ops, weight: Weight | undefined): Float32Array | undefined {
  if (weight === undefined) return undefined;
  const value = ops.vector(weight);
  try {
    return ops.read(value);
  } finally {
    ops.free(value);
  }
}

/** LLaMA's block with experts for a feed-forward network in some layers (Mixtral, Qwen2-MoE, Qwen3-MoE, ERNIE 4.5, GLM-4.5). */
export const EXPERTS_BLOCK: PreNormBlock = preNormBlock(mlp);
