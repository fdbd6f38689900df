import type { ModelConfig } from "../../model/config/model-config.ts";
import type { Value } from "../backends/ops.ts";
import type {
  AttentionLimits,
  Carried,
  KeysAndValues,
  Steps,
  TextPart,
  TokenContext,
} from "../backends/steps/steps.ts";
import { alibiSlopes } from "./alibi.ts";
import { linear, linears, type ModuleWeights } from "./parameters.ts";

// B batch · T new tokens · L tokens in all · C hidden size · H query heads · G key and value heads · D head size

/**
 * softmax(q kᵀ / √D + mask) v (Vaswani et al. 2017, arXiv 1706.03762, equation 1) with rotary positions; grouped key heads
 * after Ainslie et al. 2023, arXiv 2305.13245.
 */
export function attention<C extends Carried>(
  steps: Steps<C>,
  weights: ModuleWeights,
  config: ModelConfig,
  x: Value,
  context: TokenContext<C>,
): Value {
  const [qs, ks, vs] = linears(steps, weights, ["q_proj", "k_proj", "v_proj"], x);
  const q = steps.splitHeads(qs, config.heads); // [B, H, T, D]
  const k = steps.splitHeads(ks, config.kvHeads); // [B, G, T, D]
  const v = steps.splitHeads(vs, config.kvHeads); // [B, G, T, D]
  const normed = {
    q: scaled(steps, config, headNorm(steps, weights, "q_norm", config, q)), // [B, H, T, D]
    k: headNorm(steps, weights, "k_norm", config, k), // [B, G, T, D]
    v,
  };
  const mixed = mixedValues(steps, config, normed, context); // [B, H, T, D]
  return linear(steps, weights.scope("o_proj"), steps.mergeHeads(mixed)); // [B, T, C]
}

interface Projections {
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
}

/** What the queries take from all values, [B, H, T, D]; text by text where the tokens are of several. */
function mixedValues<C extends Carried>(
  steps: Steps<C>,
  config: ModelConfig,
  { q, k, v }: Projections,
  context: TokenContext<C>,
): Value {
  const { parts } = context;
  if (parts !== undefined)
    return steps.eachPart([q, k, v], sizesOf(parts), ([ownQ = q, ownK = k, ownV = v], part) =>
      mixedValues(steps, config, { q: ownQ, k: ownK, v: ownV }, parts[part]?.context ?? context),
    );
  const queries = rotated(steps, q, context.newRotary); // [B, H, T, D]
  const { keys, values } = allKeys(steps, k, v, context); // [B, G, L, D]
  return steps.attention(queries, keys, values, context.keyMask, limitsOf(config, context.window));
}

/** Tokens of each text. */
export function sizesOf(parts: readonly TextPart<Carried>[]): readonly number[] {
  return parts.map(({ tokens }) => tokens);
}

/** RMSNorm of each head, where the model has one (Qwen3, Gemma 3). */
function headNorm(
  steps: Steps<Carried>,
  weights: ModuleWeights,
  name: "q_norm" | "k_norm",
  config: ModelConfig,
  x: Value,
): Value {
  const weight = weights.find(`${name}.weight`);
  return weight === undefined ? x : steps.norm(x, weight, config.rmsNormEps);
}

/** Queries whose products are divided by √D later, so that they are by √S in all. */
function scaled(
  steps: Steps<Carried>,
  { queryScalar, headDim }: ModelConfig,
  queries: Value,
): Value {
  return queryScalar === undefined
    ? queries
    : steps.scale(queries, Math.sqrt(headDim / queryScalar));
}

function limitsOf(
  { attentionCap: cap, hasAlibi, heads, encoder }: ModelConfig,
  window: number | undefined,
): AttentionLimits | undefined {
  if (encoder !== undefined) return { seesAll: true };
  const slopes = hasAlibi === true ? alibiSlopes(heads) : undefined;
  const isFree = cap === undefined && window === undefined && slopes === undefined;
  return isFree ? undefined : { window, cap, slopes };
}

/** Heads rotated by their tokens' positions, where the model tells positions so. */
function rotated<C extends Carried>(
  steps: Steps<C>,
  heads: Value,
  rotary: C["rotary"] | undefined,
): Value {
  return rotary === undefined ? heads : steps.rotate(heads, rotary);
}

/** Rotated keys and values of all tokens; new ones go through the cache where there is one. */
function allKeys<C extends Carried>(
  steps: Steps<C>,
  k: Value,
  v: Value,
  { newRotary, allRotary, cache }: TokenContext<C>,
): KeysAndValues {
  const joined = (keys: Value, values: Value): KeysAndValues =>
    cache === undefined ? { keys, values } : steps.append(cache, keys, values);
  if (allRotary === undefined) return joined(rotated(steps, k, newRotary), v);
  const { keys, values } = joined(k, v);
  return { keys: steps.rotate(keys, allRotary), values };
}
