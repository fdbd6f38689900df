import { WbError } from "../../errors/wb-error.ts";
import { NORMS } from "../../model/network.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import type { Value } from "../backends/ops.ts";
import type { Carried, Steps } from "../backends/steps/steps.ts";
import { attention } from "./attention.ts";
import { preNormBlock, type BlockKind } from "./block.ts";
import { norm } from "./norm.ts";
import { linear, type ModuleWeights } from "./parameters.ts";

/** down(activation(up(x))) (Vaswani et al. 2017, arXiv 1706.03762, equation 2); [B, T, C] -> [B, T, C]. */
export function plainMlp(
  steps: Steps<Carried>,
  weights: ModuleWeights,
  x: Value,
  { activation }: ModelConfig,
): Value {
  if (activation === undefined) throw new WbError("WB7001", "a network without an activation");
  return steps.inParts(x, (part) => {
    const inner = steps.activate(linear(steps, weights.scope("up_proj"), part), activation); // [B, T, I]
    return linear(steps, weights.scope("down_proj"), inner); // [B, T, C]
  });
}

/** The block of GPT-2 and Bloom (transformers v5.23.0, models/gpt2/modeling_gpt2.py, `GPT2Block`). */
const PRE_NORM_BLOCK: BlockKind = preNormBlock(plainMlp);

/** BERT's block, whose norms stand behind the sums (transformers v5.23.0, models/bert/modeling_bert.py, `BertLayer`). */
export const ENCODER_BLOCK: BlockKind = {
  forward(steps, weights, config, x, context, observe) {
    const normed = (name: string, sum: Value): Value =>
      norm(steps, weights.scope(name), config, sum); // [B, T, C]
    const attend = weights.scope("self_attn");
    const mixed = steps.scope(() => attention(steps, attend, config, x, context)); // [B, T, C]
    observe?.("self_attn", mixed);
    const middle = normed(NORMS[0], steps.add(x, mixed)); // [B, T, C]
    observe?.("after_attention", middle);
    const fed = steps.scope(() => plainMlp(steps, weights.scope("mlp"), middle, config)); // [B, T, C]
    observe?.("mlp", fed);
    return normed(NORMS[1], steps.add(middle, fed)); // [B, T, C]
  },
};

/** OPT's norms stand at either place. */
export const PLAIN_MLP_BLOCK: BlockKind = {
  forward(steps, weights, config, ...rest) {
    const block = config.normsSums === true ? ENCODER_BLOCK : PRE_NORM_BLOCK;
    return block.forward(steps, weights, config, ...rest);
  },
};
