import { WbError } from "../../errors/wb-error.ts";
import type { LatentConfig, ModelConfig } from "../../model/config/model-config.ts";
import type { Value } from "../backends/ops.ts";
import type { Carried, Steps, TokenContext } from "../backends/steps/steps.ts";
import { sizesOf } from "./attention.ts";
import { preNormBlock, type PreNormBlock } from "./block.ts";
import { mlp } from "./mlp.ts";
import { linear, type ModuleWeights } from "./parameters.ts";

// B batch · T new tokens · L tokens in all · C hidden size · H heads · R rotated dimensions · N dimensions without positions
// V dimensions of a value · S the larger of N + R and V · K size of the latent

/** ε of the norms of latents, which no config.json tells (transformers v5.23.0, models/deepseek_v3/modeling_deepseek_v3.py). */
const LATENT_EPSILON = 1e-6;

/** Queries, keys and values before positions. */
interface Parts {
  /** [B, H, T, N] and [B, H, T, R]. */
  readonly queries: Value;
  readonly rotatedQueries: Value;
  /** [B, H, T, N], and of all heads [B, 1, T, R]. */
  readonly keys: Value;
  readonly rotatedKeys: Value;
  /** [B, H, T, V] */
  readonly values: Value;
}

/**
 * Attention whose keys and values are made of one latent a token, with one rotated key for all heads (DeepSeek-V2, arXiv 2405.04434,
 * equations 37 to 47; transformers v5.23.0, models/deepseek_v3/modeling_deepseek_v3.py, `DeepseekV3Attention`). Keys and values are
 * cached head by head, filled up with zeros to one size.
 */
export function latentAttention<C extends Carried>(
  steps: Steps<C>,
  weights: ModuleWeights,
  config: ModelConfig,
  x: Value,
  context: TokenContext<C>,
): Value {
  const { heads, rotaryDims, latent } = config;
  if (latent === undefined) throw new WbError("WB7001", "latent attention without a latent");
  const { rank, plainDims, valueDims } = latent;
  const q = steps.splitHeads(queriesOf(steps, weights, x), heads); // [B, H, T, N + R]
  const [queries = q, rotatedQueries = q] = steps.split(q, [plainDims, rotaryDims]);
  const down = linear(steps, weights.scope("kv_a_proj_with_mqa"), x); // [B, T, K + R]
  const [inner = down, shared = down] = steps.split(down, [rank, rotaryDims]);
  const normed = steps.norm(inner, weights.get("kv_a_layernorm.weight"), LATENT_EPSILON); // [B, T, K]
  const up = steps.splitHeads(linear(steps, weights.scope("kv_b_proj"), normed), heads); // [B, H, T, N + V]
  const [keys = up, values = up] = steps.split(up, [plainDims, valueDims]);
  const rotatedKeys = steps.splitHeads(shared, 1); // [B, 1, T, R]
  const parts = { queries, rotatedQueries, keys, rotatedKeys, values };
  const mixed = mixedValues(steps, config, latent, parts, context); // [B, H, T, V]
  return linear(steps, weights.scope("o_proj"), steps.mergeHeads(mixed)); // [B, T, C]
}

/** [B, T, C] -> [B, T, H · (N + R)] */
function queriesOf(steps: Steps<Carried>, weights: ModuleWeights, x: Value): Value {
  const norm = weights.find("q_a_layernorm.weight");
  if (norm === undefined) return linear(steps, weights.scope("q_proj"), x);
  const inner = steps.norm(linear(steps, weights.scope("q_a_proj"), x), norm, LATENT_EPSILON);
  return linear(steps, weights.scope("q_b_proj"), inner);
}

/** What the queries take from all values; text by text where the tokens are of several. */
function mixedValues<C extends Carried>(
  steps: Steps<C>,
  config: ModelConfig,
  latent: LatentConfig,
  parts: Parts,
  context: TokenContext<C>,
): Value {
  const { parts: texts, newRotary, cache } = context;
  const { queries, rotatedQueries, keys, rotatedKeys, values } = parts;
  if (texts !== undefined)
    return steps.eachPart(
      [queries, rotatedQueries, keys, rotatedKeys, values],
      sizesOf(texts),
      ([q = queries, qr = rotatedQueries, k = keys, kr = rotatedKeys, v = values], text) => {
        const own = { queries: q, rotatedQueries: qr, keys: k, rotatedKeys: kr, values: v };
        return mixedValues(steps, config, latent, own, texts[text]?.context ?? context);
      },
    );
  const { heads, headDim, rotaryDims } = config;
  const rotated = (x: Value): Value => (newRotary === undefined ? x : steps.rotate(x, newRotary));
  const q = steps.widen(steps.join([queries, rotated(rotatedQueries)]), headDim); // [B, H, T, S]
  const k = steps.join([keys, steps.repeatHeads(rotated(rotatedKeys), heads)]); // [B, H, T, N + R]
  const wide = { keys: steps.widen(k, headDim), values: steps.widen(values, headDim) };
  const all = cache === undefined ? wide : steps.append(cache, wide.keys, wide.values); // [B, H, L, S]
  const factor = Math.sqrt(headDim / (latent.plainDims + rotaryDims)) * latent.scoreScale;
  const scaled = factor === 1 ? q : steps.scale(q, factor);
  const mixed = steps.attention(scaled, all.keys, all.values, context.keyMask); // [B, H, T, S]
  if (latent.valueDims === headDim) return mixed;
  const [own = mixed] = steps.split(mixed, [latent.valueDims, headDim - latent.valueDims]);
  return own;
}

/** LLaMA's block with latent attention, and experts in some layers (DeepSeek-V2, DeepSeek-V3). */
export const LATENT_BLOCK: PreNormBlock = preNormBlock(mlp, undefined, latentAttention);
