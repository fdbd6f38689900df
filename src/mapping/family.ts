import type { Assembly } from "./assembly.ts";
import type { ModelConfig } from "./model-config.ts";
import type { LinearLayout } from "./step.ts";
import type { StoredTensor } from "../tensor/table.ts";

/** One tensor that a model has, under its Hugging Face name and in torch's layout. */
export interface TensorSpec {
  readonly name: string;
  readonly shape: readonly number[];
  /** A Linear weight, which Paddle stores the other way round. */
  readonly linear: boolean;
}

/** The parts of one stored tensor, one a tensor-parallel rank (one in all where the checkpoint is not split). */
export interface SourceGroup {
  readonly parts: readonly StoredTensor[];
  readonly layout: LinearLayout;
  readonly config: ModelConfig;
}

/** One target that a group of source parts makes. */
export interface Target {
  readonly name: string;
  /** In torch's layout; undefined when the parts' shapes do not fit, with `expected` telling what would. */
  readonly assembly: Assembly | undefined;
  /** Shapes that one part may have, for the message when none fits. */
  readonly expected: readonly (readonly number[])[];
  readonly why: string;
}

/**
 * What becomes of the stored tensors whose name, less its prefix, matches a pattern. `{i}` in a pattern stands for the layer
 * number.
 */
export type NameRule =
  | {
      readonly kind: "make";
      readonly pattern: string;
      targets(group: SourceGroup, layer: number): readonly Target[];
      /** Shapes of one part that prove a layout, for `parts` ranks; none for tensors that lie the same way in both. */
      layoutShapes?(config: ModelConfig, parts: number): LayoutShapes;
    }
  | { readonly kind: "drop"; readonly pattern: string; readonly why: string };

export interface LayoutShapes {
  readonly torch: readonly (readonly number[])[];
  readonly paddle: readonly (readonly number[])[];
}

/** A model family: the tensors it has, and how checkpoints of it name and lay them. */
export interface Family {
  expected(config: ModelConfig): readonly TensorSpec[];
  readonly rules: readonly NameRule[];
  /** The name that PaddleNLP gives a tensor with this Hugging Face name. */
  paddleName(name: string): string;
}
