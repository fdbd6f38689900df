import { GEMMA_NORMS } from "../../model/network.ts";
import { preNormBlock, type BlockKind } from "./block.ts";
import { mlp } from "./mlp.ts";

/** Gemma 2's and 3's block (transformers v5.23.0, models/gemma2/modeling_gemma2.py), which norms what attention and the network give, too. */
export const GEMMA2_BLOCK: BlockKind = preNormBlock(mlp, GEMMA_NORMS);
