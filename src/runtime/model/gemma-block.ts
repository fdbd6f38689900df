import { GEMMA_NORMS } from "../../model/network.ts";
import type { Value } from "../backends/ops.ts";
import type { Carried, Steps } from "../backends/steps/steps.ts";
import { preNormBlock, type BlockKind } from "./block.ts";
import { linear, type ModuleWeights } from "./parameters.ts";

/** GEGLU (Shazeer 2020, arXiv 2002.05202, equation 6) with GELU's approximation; [B, T, C] -> [B, T, C]. */
function geglu(steps: Steps<Carried>, weights: ModuleWeights, x: Value): Value {
  return steps.inParts(x, (part) => {
    const gate = steps.activate(linear(steps, weights.scope("gate_proj"), part), "geluTanh"); // [B, T, I]
    const up = linear(steps, weights.scope("up_proj"), part); // [B, T, I]
    return linear(steps, weights.scope("down_proj"), steps.multiply(gate, up)); // [B, T, C]
  });
}

/** Gemma's block (transformers v5.23.0, models/gemma/modeling_gemma.py): LLaMA's with GELU. */
export const GEMMA_BLOCK: BlockKind = preNormBlock(geglu);

/** Gemma 2's and 3's (v5.23.0, models/gemma2/modeling_gemma2.py), which norm what attention and the network give, too. */
export const GEMMA2_BLOCK: BlockKind = preNormBlock(geglu, GEMMA_NORMS);
