import type { ModelConfig } from "../../model/config/model-config.ts";
import type { BlockOps, Value } from "../backends/ops.ts";
import { attention, attentionParameters, type AttentionContext } from "./attention.ts";
import { mlp, mlpParameters } from "./mlp.ts";
import { norm, normParameters } from "./norm.ts";
import { nested, type ModuleWeights, type ParameterSpec } from "./parameters.ts";
import { wholeLayer } from "./whole-layer.ts";

/** Called with results inside a block, in the order in which they are computed; they are freed after the call. */
export type Observer = (name: SubBlock, value: Value) => void;

/** Places inside a block where two models can be compared, in order. Each is [B, T, C]. */
export const SUB_BLOCKS = [
  "input_layernorm",
  "self_attn",
  "after_attention",
  "post_attention_layernorm",
  "mlp",
] as const;

export type SubBlock = (typeof SUB_BLOCKS)[number];

/** One layer of a decoder: which parameters it has, and its equation. Another architecture is another of these. */
export interface BlockKind {
  parameters(config: ModelConfig): readonly ParameterSpec[];
  /** Hidden states in and out, [B, T, C]. */
  forward(
    ops: BlockOps,
    weights: ModuleWeights,
    config: ModelConfig,
    x: Value,
    context: AttentionContext,
    observe?: Observer,
  ): Value;
}

/** What tells pre-norm blocks from each other. */
export interface PreNormParts {
  attentionParameters(config: ModelConfig): readonly ParameterSpec[];
  mlpParameters(config: ModelConfig): readonly ParameterSpec[];
  /** [B, T, C] -> [B, T, C] */
  mlp(ops: BlockOps, weights: ModuleWeights, x: Value): Value;
  /** All of the block at once, where it and the backend can; undefined elsewhere. */
  readonly whole?: (
    ops: BlockOps,
    weights: ModuleWeights,
    config: ModelConfig,
    x: Value,
    context: AttentionContext,
  ) => Value | undefined;
}

/** Attention and a feed-forward network, each added to what its norm was taken of. */
export function preNormBlock(parts: PreNormParts): BlockKind {
  return {
    parameters: (config) => [
      ...nested("self_attn", parts.attentionParameters(config)),
      ...nested("mlp", parts.mlpParameters(config)),
      ...nested("input_layernorm", normParameters(config)),
      ...nested("post_attention_layernorm", normParameters(config)),
    ],
    forward(ops, weights, config, x, context, observe) {
      // Who observes sees between the steps, whose results are the same.
      const whole =
        observe === undefined ? parts.whole?.(ops, weights, config, x, context) : undefined;
      if (whole !== undefined) return whole;
      const h = norm(ops, weights.scope("input_layernorm"), config, x); // [B, T, C]
      observe?.("input_layernorm", h);
      const mixed = ops.scope(() => attention(ops, weights.scope("self_attn"), config, h, context)); // [B, T, C]
      observe?.("self_attn", mixed);
      const middle = ops.add(x, mixed); // [B, T, C]
      observe?.("after_attention", middle);
      const g = norm(ops, weights.scope("post_attention_layernorm"), config, middle); // [B, T, C]
      observe?.("post_attention_layernorm", g);
      const fed = ops.scope(() => parts.mlp(ops, weights.scope("mlp"), g)); // [B, T, C]
      observe?.("mlp", fed);
      return ops.add(middle, fed); // [B, T, C]
    },
  };
}

/** The pre-norm block of LLaMA (Touvron et al. 2023, arXiv 2302.13971, section 2.2), which InternLM shares. */
export const LLAMA_BLOCK: BlockKind = preNormBlock({
  attentionParameters,
  mlpParameters,
  mlp,
  whole: wholeLayer,
});
