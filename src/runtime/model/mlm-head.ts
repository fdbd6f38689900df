import { WbError } from "../../errors/wb-error.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import { HEAD_BIAS, HEAD_DENSE, HEAD_NORM } from "../../model/encoder-network.ts";
import { checkWeightDtype, toFloat32 } from "../backends/cast.ts";
import type { Value } from "../backends/ops.ts";
import type { Steps } from "../backends/steps/steps.ts";
import { norm } from "./norm.ts";
import { linear } from "./parameters.ts";
import type { WeightStore } from "./weight-store.ts";

/** What an encoder's head makes of states [N, C] before the vocabulary meets them (transformers v5.23.0, `BertPredictionHeadTransform`). */
export async function headStates(
  steps: Steps,
  weights: WeightStore,
  config: ModelConfig,
  x: Value,
): Promise<Value> {
  const { activation } = config;
  if (activation === undefined) throw new WbError("WB7001", "a head without an activation");
  const [dense, normed] = [await weights.module(HEAD_DENSE), await weights.module(HEAD_NORM)];
  return steps.scope(() =>
    norm(steps, normed, config, steps.activate(linear(steps, dense, x), activation)),
  );
}

/** Adds the head's bias to logits [N, vocab]. */
export async function addHeadBias(weights: WeightStore, logits: Float32Array): Promise<void> {
  const { bytes, dtype } = await weights.source.read(HEAD_BIAS);
  const bias = toFloat32(bytes, checkWeightDtype(dtype, HEAD_BIAS));
  for (let index = 0; index < logits.length; index++)
    logits[index] = (logits[index] ?? 0) + (bias[index % bias.length] ?? 0);
}
