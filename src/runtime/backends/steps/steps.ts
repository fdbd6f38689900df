import type { Activation, RotaryPairs } from "../../../model/config/model-config.ts";
import type { LinearWeights, ScopeResult, Value, Weight } from "../ops.ts";

// B batch · T new tokens · L tokens in all · C hidden size · H query heads · G key and value heads · D head size

/** cos and sin of one set of positions, [B or 1, 1, T, R], for the first R dimensions of a head. */
export interface RotaryValues {
  readonly cos: Value;
  readonly sin: Value;
  readonly pairs: RotaryPairs;
}

/** Keys that may be seen, row by row of a batch: 1, or 0 where there is padding. Undefined when there is none at all. */
export type KeyMask = readonly Uint8Array[] | undefined;

/** Keys and values of one layer, [B, G, L, D]. */
export interface KeysAndValues {
  readonly keys: Value;
  readonly values: Value;
}

/** Where one layer's keys and values of earlier tokens stay. */
export interface LayerCache {
  /** Rows that stay as new ones come; all of them when left out. */
  readonly keep?: number | undefined;
  /**
   * Puts what `next` makes of the rows so far in their place; the cache owns both, and frees the old ones where `next` has not.
   * @returns what `next` made.
   */
  replace(next: (old: KeysAndValues | undefined) => KeysAndValues): KeysAndValues;
}

/** What the equations only hand from the sequence to the steps; types differ where a backend takes something else. */
export interface Carried {
  readonly rotary: unknown;
  readonly mask: unknown;
  readonly cache: unknown;
}

/** What the steps of a device take. */
export interface DeviceCarried extends Carried {
  readonly rotary: RotaryValues;
  readonly mask: KeyMask;
  readonly cache: LayerCache;
}

/** What a layer needs to know of the tokens that pass through it. */
export interface TokenContext<C extends Carried = DeviceCarried> {
  /** Of the T new tokens; undefined where the model rotates nothing. */
  readonly newRotary: C["rotary"] | undefined;
  /** Of all L tokens, where keys are cached before they are rotated; undefined where they are cached rotated. */
  readonly allRotary: C["rotary"] | undefined;
  /** Over the L tokens. */
  readonly keyMask: C["mask"];
  /** Undefined where there are no tokens but the T new ones, and they are not kept. */
  readonly cache: C["cache"] | undefined;
  /** Where the T tokens are of several texts, one behind the other: what each is told instead of the above. */
  readonly parts?: readonly TextPart<C>[] | undefined;
  /** Keys that a query of this layer sees at most, its own among them; undefined where no query has more before it. */
  readonly window?: number | undefined;
}

/** Tokens of one text among those that pass together. */
export interface TextPart<C extends Carried = DeviceCarried> {
  readonly tokens: number;
  readonly context: TokenContext<C>;
}

/** What keeps a query from seeing all keys before it as they are. */
export interface AttentionLimits {
  /** Keys that it sees at most, its own among them. */
  readonly window?: number | undefined;
  /** Scores s become cap · tanh(s / cap). */
  readonly cap?: number | undefined;
  /** What the scores of each of the H heads fall by with every key further back (ALiBi). */
  readonly slopes?: readonly number[] | undefined;
  /** Whether a query sees the keys behind it, too (encoders). */
  readonly seesAll?: boolean | undefined;
}

/**
 * What the equations of a model call, and all that they call. `composedSteps` makes them of a backend's primitive operations;
 * a backend with kernels for some gives its own.
 *
 * A step gives what the operations that it stands for give, but may round to a half dtype only once, at its end. Values are
 * owned as `Ops` says.
 */
export interface Steps<C extends Carried = DeviceCarried> {
  /** `Ops.rmsNorm`. */
  norm(x: Value, weight: Weight, epsilon: number): Value;
  /** weight · (x − mean(x)) / sqrt(variance(x) + epsilon) + bias over the last axis. */
  layerNorm(x: Value, layer: LinearWeights, epsilon: number): Value;
  /** x · weightᵀ + bias; [..., in] -> [..., out]. */
  linear(x: Value, layer: LinearWeights): Value;
  /** `linear` of one x with each. */
  linears(x: Value, layers: readonly LinearWeights[]): readonly Value[];
  /** silu(linear(x, gate)) · linear(x, up), of matrices of the same shape. */
  gatedLinear(x: Value, gate: LinearWeights, up: LinearWeights): Value;
  /** silu(a) · b of the halves a and b of the last axis; [B, T, 2·I] -> [B, T, I]. */
  gatedHalves(both: Value): Value;
  /** A function of each element. */
  activate(x: Value, activation: Activation): Value;
  /** Sum of two values of one shape. */
  add(left: Value, right: Value): Value;
  /** Product of two values of one shape. */
  multiply(left: Value, right: Value): Value;
  /** `Ops.scale`. */
  scale(x: Value, factor: number): Value;
  /** `work` on so few tokens at a time that its results stay small, [B, T, C] -> [B, T, C]. */
  inParts(x: Value, work: (part: Value) => Value): Value;
  /** Parts of the last axis, one after another, of these sizes. */
  split(x: Value, sizes: readonly number[]): readonly Value[];
  /** Values one after another along the last axis. */
  join(parts: readonly Value[]): Value;
  /** The last axis filled up with zeros. */
  widen(x: Value, size: number): Value;
  /** One head [B, 1, T, D] as each of H, [B, H, T, D]. */
  repeatHeads(x: Value, heads: number): Value;
  /** [B, T, H·D] -> [B, H, T, D] */
  splitHeads(x: Value, heads: number): Value;
  /** [B, H, T, D] -> [B, T, H·D] */
  mergeHeads(x: Value): Value;
  /** Rotates the first R dimensions of each head [B, H, T, D] by its token's position. */
  rotate(x: Value, rotary: C["rotary"]): Value;
  /** Puts keys and values [B, G, T, D] behind the cache's, and gives all of them; the cache owns what it gives. */
  append(cache: C["cache"], keys: Value, values: Value): KeysAndValues;
  /**
   * softmax(q kᵀ / √D) v of the last T of L tokens, [B, H, T, D], over the keys up to each query's own that may be seen; keys and
   * values [B, G, L, D]. A query that sees nothing gets the mean of all values,
   * or where scores are capped, zeros.
   */
  attention(
    queries: Value,
    keys: Value,
    values: Value,
    mask: C["mask"],
    limits?: AttentionLimits,
  ): Value;
  /** `work` on part after part of the tokens of values [B, H, T, D]; its results are put together again. */
  eachPart(
    values: readonly Value[],
    sizes: readonly number[],
    work: (parts: readonly Value[], part: number) => Value,
  ): Value;
  /**
   * Whole layers that follow each other, [B, T, C] -> [B, T, C]: in one call where the backend has one that fits, which gives the same
   * bits as `composed` of each; else that, with the layer's place among them.
   */
  layers(
    x: Value,
    calls: readonly LayerCall<C>[],
    composed: (x: Value, place: number) => Value,
  ): Value;
  /** Bytes of parameters, times the rows of x, of layers that are computed in one call; 0 where none is gained by it. */
  readonly layerBytes: number;
  /** `Ops.scope`. */
  scope<T extends ScopeResult>(work: () => T): T;
}

/** A layer, and what it is told of the tokens. */
export interface LayerCall<C extends Carried = DeviceCarried> {
  readonly weights: LayerWeights;
  readonly context: TokenContext<C>;
}

/** Attention and a gated network, each added to what its norm was taken of. */
export interface LayerWeights {
  readonly attentionNorm: Weight;
  readonly networkNorm: Weight;
  readonly epsilon: number;
  /** H query heads on G heads of keys and values. */
  readonly heads: number;
  readonly kvHeads: number;
  readonly query: LinearWeights;
  readonly key: LinearWeights;
  readonly value: LinearWeights;
  readonly output: LinearWeights;
  readonly gate: LinearWeights;
  readonly up: LinearWeights;
  readonly down: LinearWeights;
}

/** The same steps without a whole layer in one call, for an observer of the results between them. */
export function stepByStep<C extends Carried>(steps: Steps<C>): Steps<C> {
  return { ...steps, layers: oneByOne };
}

/** `Steps.layers` of a backend that has no call of a whole layer. */
export function oneByOne(
  x: Value,
  calls: readonly unknown[],
  composed: (x: Value, place: number) => Value,
): Value {
  return calls.reduce<Value>((states, _, place) => composed(states, place), x);
}
