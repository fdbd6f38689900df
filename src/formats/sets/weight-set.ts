import type { Rank } from "./rank-file.ts";

/** One set of weights in a folder. */
export interface WeightSet {
  readonly framework: "safetensors" | "pytorch" | "paddle" | "gguf" | "npz";
  /**
   * A file, an index with its shards, shards without an index, the parts of parallel ranks, torch's distributed checkpoint, or the
   * ranks of DeepSpeed's ZeRO 3.
   */
  readonly kind: "file" | "index" | "shards" | "ranks" | "dcp" | "zero";
  /** The file or the index; for shards and ranks their folder. */
  readonly path: string;
  /** What messages call the set: the file's name, or the pattern of the parts' names. */
  readonly name: string;
  /** Files of ranks or shards; empty otherwise. */
  readonly parts: readonly PartFile[];
  /** Names of parts that the set must have and the folder has not. */
  readonly missing: readonly string[];
  /** What else of the folder belongs to the set and is left out; a sentence each. */
  readonly notes: readonly string[];
  /** The files among which DeepSpeed divided the float32 weights: all there is of them in ZeRO 3, beside the file of `path` below. */
  readonly zero?: ZeroFiles;
}

/** Names of the files that DeepSpeed's ranks wrote, in the order of the ranks. */
export interface ZeroFiles {
  /** Paths are below this folder. */
  readonly folder: string;
  readonly models: readonly string[];
  readonly optimizers: readonly string[];
}

/** One file of a set that has several. */
export interface PartFile {
  readonly path: string;
  /** Where the parts are those of ranks. */
  readonly rank?: Rank | undefined;
}
