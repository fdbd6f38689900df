import type { Dtype } from "../../tensor/dtype.ts";
import type { GraphSessions } from "./graph/session.ts";

/** The dtype that activations are computed in. Half dtypes round after every operation, as torch does. */
export type ComputeDtype = "f32" | "f16" | "bf16";

/** Where a model runs. */
export type DeviceKind = "cuda" | "cpu" | "wasm";

/**
 * An array on the device. Opaque: only the `Ops` that made it reads it. Immutable; every operation gives a new one, which
 * may share memory with its operand.
 */
export interface Value {
  readonly shape: readonly number[];
  readonly dtype: ComputeDtype;
}

/**
 * A parameter on the device, owned by whoever uploaded it until `releaseWeight`. It has the logical shape, [out, in] for a
 * matrix, however it lies on the device.
 */
export interface Weight {
  readonly shape: readonly number[];
  /** Bytes that it takes on the device. */
  readonly byteLength: number;
}

/** A parameter in host memory, little-endian and without gaps. */
export interface WeightBytes {
  /** What messages call it. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** As stored; the device casts to what it computes with. */
  readonly dtype: Dtype;
  /** Logical shape: [out, in] of a matrix, [size] of a bias or a norm. */
  readonly shape: readonly number[];
  /** True when the bytes of a matrix lie as [in, out], row-major; it is then used as it lies. */
  readonly transposed: boolean;
}

export interface OpsMemory {
  /** Values and weights that are alive; the same before and after a piece of work, or it leaked. */
  readonly values: number;
  /** Bytes that they take, as far as the backend tells. */
  readonly bytes: number;
}

/**
 * The operations that a decoder needs, and no more: the model is written once against them, and each backend implements
 * them. All are synchronous and single-threaded towards the caller.
 *
 * Ownership: a `Value` made inside `scope` is freed when the scope ends, unless it is in the scope's result or was `keep`-ed;
 * one made outside any scope belongs to the caller, who calls `free`. Weights are never freed by a scope.
 *
 * Precision: a result has the dtype of its operands, which must agree, and is rounded to it once. Sums inside `linear`,
 * `matmul`, `softmax` and `rmsNorm` run in float32 or better.
 *
 * Errors: WB62xx when the backend fails, WB6003 when its memory is at an end; never a wrong number.
 */
export interface Ops {
  readonly device: DeviceKind;
  /** Dtype of activations; `upload` gives it. */
  readonly compute: ComputeDtype;
  /** For people: "TensorFlow.js 4.22.0 wasm (simd)", "TensorFlow 2.21.0, NVIDIA H100". */
  readonly description: string;
  /** Largest matrix that `uploadWeight` takes, in bytes on the device; larger ones are given in bands of output rows. */
  readonly maxWeightBytes: number;
  /** Bytes that all values and weights together may take; undefined when only the machine limits it. */
  readonly memoryLimit: number | undefined;
  /** Bytes on the device of one element of a weight that is stored as `dtype`. */
  weightElementBytes(dtype: Dtype): number;

  /** Copies a parameter to the device. The bytes may be used again afterwards. */
  uploadWeight(weight: WeightBytes): Weight;
  releaseWeight(weight: Weight): void;
  /** Copies float32 numbers to the device, rounded to the compute dtype. */
  upload(data: Float32Array, shape: readonly number[]): Value;
  /** The elements, row-major, as float32. */
  read(value: Value): Float32Array;

  /** x · weightᵀ + bias: [..., in] -> [..., out]. The bias is added after the product was rounded to the compute dtype or before. */
  linear(x: Value, weight: Weight, bias?: Weight): Value;
  /** Product of stacks of matrices: [..., M, K] · [..., K, N] -> [..., M, N]; with `transposeRight` the right one is [..., N, K]. Equal leading axes. */
  matmul(left: Value, right: Value, transposeRight?: boolean): Value;
  /**
   * weight · x / sqrt(mean(x²) + epsilon) over the last axis; the quotient in float32, then rounded to x's dtype and
   * multiplied by the weight in it (`LlamaRMSNorm`, transformers v4.36.2).
   */
  rmsNorm(x: Value, weight: Weight, epsilon: number): Value;
  /** Softmax over the last axis, computed in float32 and rounded to x's dtype. */
  softmax(x: Value): Value;
  /** x · sigmoid(x). */
  silu(x: Value): Value;
  /** Sum with NumPy's broadcasting. */
  add(left: Value, right: Value): Value;
  /** Product with NumPy's broadcasting. */
  mul(left: Value, right: Value): Value;
  /** x · factor, rounded once: the factor itself is not rounded to a half dtype first. */
  scale(x: Value, factor: number): Value;
  /** The larger of each element and `floor`. */
  maximum(x: Value, floor: number): Value;
  reshape(x: Value, shape: readonly number[]): Value;
  /** Axis i of the result is axis order[i] of x. */
  transpose(x: Value, order: readonly number[]): Value;
  concat(values: readonly Value[], axis: number): Value;
  /** `size` indices from `begin` along one axis. */
  slice(x: Value, axis: number, begin: number, size: number): Value;

  /** Steps of a decoder that this backend runs as one; undefined where the model composes them of the operations above. */
  readonly fused?: FusedOps | undefined;

  /** Where the whole model can run as one graph; undefined where the backend has no such thing, or is faster without. */
  readonly graphs?: GraphSessions | undefined;

  /** Runs `work` and frees every value that it made, except those in its result or `keep`-ed. Scopes nest. */
  scope<T extends ScopeResult>(work: () => T): T;
  /** Takes a value out of every scope around; the caller frees it. */
  keep(value: Value): Value;
  free(value: Value): void;
  memory(): OpsMemory;
  /** Frees everything that is left. The backend itself may stay loaded. */
  dispose(): void;
}

/** What `linear` takes. */
export interface LinearWeights {
  readonly weight: Weight;
  readonly bias: Weight | undefined;
}

/** Keys that may be seen, row by row of a batch: 1, or 0 where there is padding. Undefined when there is none at all. */
export type KeyMask = readonly Uint8Array[] | undefined;

/** Rows for which `append` leaves room at most: what stays unused, and how seldom a cache of keys and values is copied. */
export const CACHE_STEP = 256;

/**
 * Whole steps of a decoder, for backends on which one call costs more than its sums. Each gives what the operations that it
 * stands for give, but rounds to a half dtype only once, at its end.
 */
export interface FusedOps {
  /** `linear` of one x with each. */
  linears(x: Value, layers: readonly LinearWeights[]): readonly Value[];
  /** silu(linear(x, gate)) · linear(x, up), of matrices of the same shape. */
  gatedLinear(x: Value, gate: LinearWeights, up: LinearWeights): Value;
  /** x · cos + [−x2, x1] · sin of the halves x1 and x2 of the last axis; x [B, H, T, D], cos and sin [B or 1, 1, T, D]. */
  rotate(x: Value, cos: Value, sin: Value): Value;
  /**
   * `more` behind `rows` along axis 2, [B, G, L + T, D]; `rows` is freed, since its memory may go on in the result. The result
   * may hold room for more rows.
   */
  append(rows: Value | undefined, more: Value): Value;
  /**
   * softmax(q kᵀ / √D) v of the last T of L tokens, [B, H, T, D], over the keys up to each query's own that may be seen; keys and
   * values [B, G, L, D]. A query that sees nothing gets the mean of all values.
   */
  attention(queries: Value, keys: Value, values: Value, keyMask: KeyMask): Value;
  /** All of these in one call, where the backend has it. */
  readonly whole?: LayerOps | undefined;
}

/** A layer in one call. */
export interface LayerOps {
  /** As `append` of rows [B, G, T, D] that `layer` sets; until then they hold anything. */
  extend(rows: Value | undefined, shape: readonly [number, number, number, number]): Value;
  /**
   * A whole layer, [B, T, C] -> [B, T, C]: what the steps of `FusedOps` give, to the bit. The new tokens' keys and values are set in the
   * cache, whose last T rows they are.
   */
  layer(x: Value, weights: LayerWeights, tokens: LayerTokens): Value;
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

/** What a layer needs to know of the tokens that pass through it. */
export interface LayerTokens {
  /** [B or 1, 1, T, R]: the first R elements of each head turn, as `rotate` says. */
  readonly cos: Value;
  readonly sin: Value;
  readonly keyMask: KeyMask;
  /** Keys and values of all L tokens, [B, G, L, D]; undefined where there are none but the T new ones, and they are not kept. */
  readonly cached: { readonly keys: Value; readonly values: Value } | undefined;
}

/** What a block takes of `FusedOps`; `append` is the cache's. */
export type BlockSteps = Omit<FusedOps, "append">;

/** The operations that a block is made of, where its attention is one step. */
export type ComposedOps = Pick<
  Ops,
  | "linear"
  | "rmsNorm"
  | "silu"
  | "add"
  | "mul"
  | "reshape"
  | "transpose"
  | "concat"
  | "slice"
  | "scope"
> & { readonly fused: BlockSteps };

/** What a block runs on: a backend, or something that writes the operations down. */
export type BlockOps = Ops | ComposedOps;

/** Whether attention and rotation are steps of their own. */
export function hasSteps(ops: BlockOps): ops is ComposedOps {
  return ops.fused !== undefined;
}

/** What a scope may hand out: values, flat lists of values, or nothing. */
export type ScopeResult = Value | readonly Value[] | undefined;

/** Smallest finite number of a dtype, torch.finfo(dtype).min: what masked scores are set to. */
export const LOWEST: Readonly<Record<ComputeDtype, number>> = {
  f32: -(2 - 2 ** -23) * 2 ** 127,
  f16: -65504,
  bf16: -(2 - 2 ** -7) * 2 ** 127,
};
