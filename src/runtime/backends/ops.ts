import type { Dtype } from "../../tensor/dtype.ts";

/** The dtype that activations are computed in. Half dtypes round after every operation, as torch does. */
export type ComputeDtype = "f32" | "f16" | "bf16";

/** What quantised matrices are multiplied by: x in float32, or x rounded to integers of 8 bits, 32 of a row at a time. */
export type Activations = "f32" | "int8";

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
 * A parameter on the device, owned by its uploader until `releaseWeight`. It has the logical shape, [out, in] for a
 * matrix, however it is stored on the device.
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
  /** True when the bytes of a matrix are stored as [in, out], row-major. */
  readonly transposed: boolean;
}

/** A matrix in quantised blocks as its file has them, row after row. */
export interface WeightBlocks {
  /** What messages call it. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Type of the blocks, as GGUF calls it: "Q8_0". */
  readonly type: string;
  /** [out, in]; a row is whole blocks. */
  readonly shape: readonly number[];
}

/** How a backend multiplies quantised matrices without dequantising them first. */
export interface QuantisedWeights {
  readonly activations: Activations;
  /** Bytes on the device of one element in blocks of that type; undefined where it does not keep such blocks. */
  elementBytes(type: string): number | undefined;
  /**
   * Copies a matrix to the device. With activations in float32, `linear` of it has the bits that `linear` of the dequantised float32
   * matrix has. In int8 each 32 inputs of a row become step · integer, step = max |x| / 127, so that a product is off by
   * Σ |w| · step / 2 at most, and by what float32 rounds; where one of them is not finite, so is the product.
   */
  upload(weight: WeightBlocks): Weight;
}

/**
 * Of each row of logits x · weightᵀ, x [N, in], rounded to x's dtype: the largest, the sum of e^(logit − largest), and those of
 * `wanted` [N, K], of which numbers that are no row of the weight are passed over; [N, 2 + K]. NaN where a logit is NaN or infinite.
 */
export type LogSums = (x: Value, weight: Weight, wanted: Int32Array) => Float32Array;

export interface OpsMemory {
  /** Values and weights that are alive; the same before and after a piece of work, or it leaked. */
  readonly values: number;
  /** Bytes that they take, as far as the backend tells. */
  readonly bytes: number;
}

/**
 * The primitive operations that the steps of a decoder (`Steps`) are composed of, and no more; each backend implements them. All are
 * synchronous and single-threaded towards the caller.
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
  /** Undefined where it multiplies no quantised matrices: they are dequantised before they are uploaded. */
  readonly quantised?: QuantisedWeights | undefined;
  /** Undefined where it has no kernel that keeps logits out of memory: they are read, and summed in host memory. */
  readonly logSums?: LogSums | undefined;
  releaseWeight(weight: Weight): void;
  /** Says that weights will come and go. Undefined where what is released is given back as it is. */
  readonly weightsPass?: (() => void) | undefined;
  /** A parameter of one axis as a value, [size]. */
  vector(weight: Weight): Value;
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

/** Rows for which a cache leaves room at most: what stays unused, and how seldom a cache of keys and values is copied. */
export const CACHE_STEP = 256;

/** What a scope may hand out: values, flat lists of values, or nothing. */
export type ScopeResult = Value | readonly Value[] | undefined;

/** Smallest finite number of a dtype, torch.finfo(dtype).min: what masked scores are set to. */
export const LOWEST: Readonly<Record<ComputeDtype, number>> = {
  f32: -(2 - 2 ** -23) * 2 ** 127,
  f16: -65504,
  bf16: -(2 - 2 ** -7) * 2 ** 127,
};
