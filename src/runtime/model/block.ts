import { WbError } from "../../errors/wb-error.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import { PRE_NORMS, type LayerNorms } from "../../model/network.ts";
import type { Value } from "../backends/ops.ts";
import {
  stepByStep,
  type Carried,
  type DeviceCarried,
  type LayerWeights,
  type Steps,
  type TokenContext,
} from "../backends/steps/steps.ts";
import { attention } from "./attention.ts";
import { mlp } from "./mlp.ts";
import { norm } from "./norm.ts";
import { linearWeights, type ModuleWeights } from "./parameters.ts";

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

/** The equation of one layer of a decoder. Another architecture is another of these. */
export interface BlockKind {
  /** Hidden states in and out, [B, T, C]. */
  forward<C extends Carried>(
    steps: Steps<C>,
    weights: ModuleWeights,
    config: ModelConfig,
    x: Value,
    context: TokenContext<C>,
    observe?: Observer,
  ): Value;
  /** Layers that follow each other, as `forward` of one after another, for a device that takes several in one call (`Steps.layerBytes`). */
  together?<C extends Carried>(
    steps: Steps<C>,
    layers: readonly GivenLayer<C>[],
    config: ModelConfig,
    x: Value,
  ): Value;
}

/** A layer's parameters, and what it is told of the tokens. */
export interface GivenLayer<C extends Carried = DeviceCarried> {
  readonly weights: ModuleWeights;
  readonly context: TokenContext<C>;
}

/** A feed-forward network; [B, T, C] -> [B, T, C]. */
type FeedForward = (
  steps: Steps<Carried>,
  weights: ModuleWeights,
  x: Value,
  config: ModelConfig,
) => Value;

/** A block in two halves, for a layer whose feed-forward network is computed between them. */
export interface PreNormBlock extends BlockKind {
  /**
   * Hidden states -> what the network's result is added to, their sum with attention, and the norm of it, which the network takes;
   * [B, T, C] each.
   */
  beforeNetwork<C extends Carried>(
    steps: Steps<C>,
    weights: ModuleWeights,
    config: ModelConfig,
    x: Value,
    context: TokenContext<C>,
    observe?: Observer,
  ): readonly [middle: Value, normed: Value];
  /** That sum with what `network` gives, [B, T, C]. */
  afterNetwork<C extends Carried>(
    steps: Steps<C>,
    weights: ModuleWeights,
    config: ModelConfig,
    middle: Value,
    network: () => Value,
    observe?: Observer,
  ): Value;
}

/**
 * Attention and a feed-forward network, each added to what its norm was taken of; some models norm what is added, too. Feed-forward
 * network and norms tell such blocks from each other.
 */
export function preNormBlock(
  feedForward: FeedForward,
  { attention: before, attentionOutput, mlp: middleNorm, mlpOutput }: LayerNorms = PRE_NORMS,
  attend: typeof attention = attention,
): PreNormBlock {
  const block: PreNormBlock = {
    forward(steps, weights, config, x, context, observe) {
      const [middle, g] = block.beforeNetwork(steps, weights, config, x, context, observe);
      const network = (): Value => feedForward(steps, weights.scope("mlp"), g, config);
      return block.afterNetwork(steps, weights, config, middle, network, observe);
    },
    beforeNetwork(steps, weights, config, x, context, observe) {
      const normedBy = normsOf(steps, weights, config);
      const h = normedBy(before, x); // [B, T, C]
      observe?.("input_layernorm", h);
      const own = weights.scope("self_attn");
      const mixed = steps.scope(() =>
        normedBy(attentionOutput, attend(steps, own, config, h, context)),
      ); // [B, T, C]
      observe?.("self_attn", mixed);
      const middle = steps.add(config.keepsNormed === true ? h : x, mixed); // [B, T, C]
      observe?.("after_attention", middle);
      const g = normedBy(middleNorm, middle); // [B, T, C]
      observe?.("post_attention_layernorm", g);
      return [config.keepsNormed === true ? g : middle, g];
    },
    afterNetwork(steps, weights, config, middle, network, observe) {
      const normedBy = normsOf(steps, weights, config);
      const fed = steps.scope(() => normedBy(mlpOutput, network())); // [B, T, C]
      observe?.("mlp", fed);
      return steps.add(middle, fed); // [B, T, C]
    },
  };
  return block;
}

/** The norms of a layer by module; without one a value stays as it is. */
function normsOf(
  steps: Steps<Carried>,
  weights: ModuleWeights,
  config: ModelConfig,
): (name: string | undefined, value: Value) => Value {
  return (name, value) =>
    name === undefined ? value : norm(steps, weights.scope(name), config, value);
}

/** LLaMA's, step by step. */
export const PLAIN_BLOCK: BlockKind = preNormBlock(mlp);

/** The pre-norm block of LLaMA (Touvron et al. 2023, arXiv 2302.13971, section 2.2), which InternLM shares; layers in one step. */
export const LLAMA_BLOCK: BlockKind = {
  forward(steps, weights, config, x, context, observe) {
    // An observer needs the results between the steps; they are the same.
    const chosen = observe === undefined ? steps : stepByStep(steps);
    return llamaLayers(chosen, [{ weights, context }], config, x, observe);
  },
  together: (steps, layers, config, x) => llamaLayers(steps, layers, config, x),
};

function llamaLayers<C extends Carried>(
  steps: Steps<C>,
  layers: readonly GivenLayer<C>[],
  config: ModelConfig,
  x: Value,
  observe?: Observer,
): Value {
  // A step of a whole layer has SiLU.
  const chosen = config.activation === undefined ? steps : stepByStep(steps);
  const calls = layers.map(({ weights, context }) => ({
    weights: layerWeights(weights, config),
    context,
  }));
  return chosen.layers(x, calls, (states, place) => {
    const { weights, context } = layers[place] ?? missing();
    return PLAIN_BLOCK.forward(chosen, weights, config, states, context, observe);
  });
}

function missing(): never {
  throw new WbError("WB7001", "a step asked for a layer that it was not given");
}

function layerWeights(weights: ModuleWeights, config: ModelConfig): LayerWeights {
  const { heads, kvHeads, rmsNormEps: epsilon } = config;
  const attend = weights.scope("self_attn");
  const network = weights.scope("mlp");
  return {
    attentionNorm: weights.get("input_layernorm.weight"),
    networkNorm: weights.get("post_attention_layernorm.weight"),
    epsilon,
    heads,
    kvHeads,
    query: linearWeights(attend.scope("q_proj")),
    key: linearWeights(attend.scope("k_proj")),
    value: linearWeights(attend.scope("v_proj")),
    output: linearWeights(attend.scope("o_proj")),
    gate: linearWeights(network.scope("gate_proj")),
    up: linearWeights(network.scope("up_proj")),
    down: linearWeights(network.scope("down_proj")),
  };
}
