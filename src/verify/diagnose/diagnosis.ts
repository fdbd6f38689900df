import { layerOf } from "../../model/layer-number.ts";
import type { Claim } from "../relate/claim.ts";

/** What can be wrong with converted weights, by name. */
export const CAUSES = [
  "transposed",
  "swapped",
  "rotary-permuted",
  "qkv-split-order",
  "head-order",
  "row-shifted",
  "bias-missing",
  "tied",
  "dtype-misread",
  "byte-swapped",
  "cast",
  "non-finite",
  "corrupt",
  "scaled",
  "offset",
  "low-rank",
  "delta",
  "layer-order",
  "duplicated",
  "other-version",
  "renamed",
  "padded",
  "rank-order",
  "fused-order",
  "config-mismatch",
  "tokenizer",
  "temperature",
  "template",
  "truncated-context",
  "quantised",
  "other-weights",
] as const;

export type Cause = (typeof CAUSES)[number];

/** A named cause with its evidence, or what is known where the evidence does not decide. */
export interface Diagnosis {
  readonly cause: Cause | "undetermined";
  /** Hugging Face names; empty where no tensor is to blame. */
  readonly tensors: readonly string[];
  /** Where all of them are in one layer. */
  readonly layer?: number;
  /** One sentence with the difference before and after the change was undone, or what the values show. */
  readonly evidence: string;
  /** What the evidence says, as data that can be computed again from both sides' tensors. */
  readonly claims?: readonly Claim[];
  /** The exact relation to the right values, where it was inferred, and what undoes it. */
  readonly relation?: string;
  /** True where the relation changes nothing that the model computes. */
  readonly harmless?: true;
  /** Largest difference from the reference, as found and with the change undone. */
  readonly before?: number;
  readonly after?: number;
}

/** The layer that all tensors are in, as a field; none where they are in several. */
export function commonLayer(tensors: readonly string[]): { layer?: number } {
  const layers = new Set(tensors.map(layerOf));
  const [layer] = layers;
  return layers.size === 1 && layer !== undefined ? { layer } : {};
}

/** `1.2e-3 → 4e-6`, as evidence shows an undone change. */
export function fall(before: number, after: number): string {
  return `put right, the difference falls from ${before.toExponential(1)} to ${after.toExponential(1)}`;
}
