import type { Dtype } from "./dtype.ts";
import type { ByteSource } from "./byte-source.ts";

/**
 * One tensor as a checkpoint stores it: facts from the header, and where its elements are. Nothing is read until a
 * consumer asks `source` for bytes. Readers check, before they hand one out, that every element that
 * `shape` and `strides` reach is inside `source`.
 */
export interface StoredTensor {
  /** Path of keys joined by "."; a wrapping `state_dict` or `model` key is left out. */
  readonly name: string;
  /** What the file calls it, where `name` is without the words of a training tool or was renamed as the user asked. */
  readonly storedName?: string;
  /** What Paddle's table of parameter names calls it, where its file has one. */
  readonly parameterName?: string;
  readonly dtype: Dtype;
  /** What the file holds, where that is quantised; `source` gives the numbers that it stands for. */
  readonly quantised?: QuantisedBytes;
  /** How the file stores it, where `source` makes plain values of that on request: sparse, or torch's quantisation. */
  readonly form?: StoredForm;
  readonly shape: readonly number[];
  /** Step in elements from one index to the next on each axis; ≥ 0 (0 repeats an element). */
  readonly strides: readonly number[];
  readonly source: ByteSource;
  /** Byte in `source` of the element at index 0, 0, … */
  readonly byteOffset: number;
  readonly byteOrder: "little" | "big";
  /** Equal for two tensors of one checkpoint exactly when they are in one storage (tied weights, views); else unique. */
  readonly storage: string;
  /** Which tensor- and pipeline-parallel part holds it, when the set is split by rank; then names repeat across ranks. */
  readonly rank?: { readonly tp: number; readonly pp: number };
}

/** Another form than plain elements, whose values were asked for. */
export interface StoredForm {
  readonly kind: "sparse" | "quantised";
  /** Such as "sparse COO" or "qint8 per channel". */
  readonly type: string;
  /** Bytes that the file has of it. */
  readonly byteLength: number;
}

/** A quantised tensor as its file has it. */
export interface QuantisedBytes {
  readonly type: string;
  /** Of the whole tensor there, which may be a stack of several. */
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** The file, and the byte of the first block in it. */
  readonly file: ByteSource;
  readonly begin: number;
}

/** The format of a file of weights, as the contract spells it. */
export type CheckpointFormat =
  | "pytorch-zip"
  | "pytorch-legacy"
  | "pytorch-tar"
  | "torch-dcp"
  | "deepspeed-zero"
  | "paddle"
  | "safetensors"
  | "gguf"
  | "npz";

/** A file, or the shards of one set, as one table of tensors. */
export interface Checkpoint {
  readonly format: CheckpointFormat;
  /** The path that was opened, as messages call it. */
  readonly path: string;
  /** Files that hold the tensors, in the order of the index; one unless sharded. */
  readonly files: readonly string[];
  /** In stored order; names are unique within a rank. */
  readonly tensors: readonly StoredTensor[];
  /** Entries of the file that are no tensors and are not needed (numbers, name tables), with the reason. */
  readonly skipped: readonly { readonly name: string; readonly why: string }[];
  /** `__metadata__` of safetensors; GGUF's metadata but for its arrays; empty elsewhere. */
  readonly metadata: ReadonlyMap<string, string>;
  /** What the user should know of how the file was read; one sentence each. */
  readonly notes?: readonly string[] | undefined;
  /** Closes its files. */
  close(): Promise<void>;
}
