import { GEMMA_NORMS } from "../../model/network.ts";
import { preNormBlock, type BlockKind } from "./block.ts";
import { gatedBy } from "./mlp.ts";

/** GEGLU with GELU's approximation. */
const geglu = gatedBy("geluTanh");

/** Gemma's block (transformers v5.23.0, models/gemma/modeling_gemma.py): LLaMA's with GELU. */
export const GEMMA_BLOCK: BlockKind = preNormBlock(geglu);

/** Gemma 2's and 3's (v5.23.0, models/gemma2/modeling_gemma2.py), which norm what attention and the network give, too. */
export const GEMMA2_BLOCK: BlockKind = preNormBlock(geglu, GEMMA_NORMS);
