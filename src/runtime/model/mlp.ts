import type { ModelConfig } from "../../model/config/model-config.ts";
import type { BlockOps, Value } from "../backends/ops.ts";
import {
  linear,
  linearParameters,
  linearWeights,
  type ModuleWeights,
  type ParameterSpec,
} from "./parameters.ts";

export function mlpParameters(config: ModelConfig): readonly ParameterSpec[] {
  const { hiddenSize: c, intermediateSize: i, mlpBias } = config;
  return [
    ...linearParameters("gate_proj", i, c, mlpBias),
    ...linearParameters("up_proj", i, c, mlpBias),
    ...linearParameters("down_proj", c, i, mlpBias),
  ];
}

/** Tokens that pass at a time: 1024 rows of a 7B model's intermediate states take 45 MB each in float32. */
export const TOKENS_AT_A_TIME = 1024;

/** SwiGLU (Shazeer 2020, arXiv 2002.05202, equation 6): down(silu(gate(x)) · up(x)). I: intermediate size. */
export function mlp(ops: BlockOps, weights: ModuleWeights, x: Value): Value {
  return inParts(ops, x, (part) => swiglu(ops, weights, part));
}

/** `work` on a few tokens at a time, [B, T, C] -> [B, T, C]. */
export function inParts(ops: BlockOps, x: Value, work: (part: Value) => Value): Value {
  const tokens = x.shape[1] ?? 0;
  if (tokens <= TOKENS_AT_A_TIME) return work(x);
  const parts: Value[] = [];
  for (let begin = 0; begin < tokens; begin += TOKENS_AT_A_TIME) {
    const size = Math.min(TOKENS_AT_A_TIME, tokens - begin);
    parts.push(ops.scope(() => work(ops.slice(x, 1, begin, size))));
  }
  return ops.concat(parts, 1); // [B, T, C]
}

function swiglu(ops: BlockOps, weights: ModuleWeights, x: Value): Value {
  const gate = weights.scope("gate_proj");
  const up = weights.scope("up_proj");
  const gated =
    ops.fused?.gatedLinear(x, linearWeights(gate), linearWeights(up)) ??
    ops.mul(ops.silu(linear(ops, gate, x)), linear(ops, up, x)); // [B, T, C] -> [B, T, I]
  return linear(ops, weights.scope("down_proj"), gated); // [B, T, I] -> [B, T, C]
}
