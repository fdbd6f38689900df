import type { Assembly } from "./assembly.ts";
import type { ConfigFields } from "../model/config/fields.ts";
import type { FamilyName, ModelConfig, NetworkConfig } from "../model/config/model-config.ts";
import type { LinearLayout } from "./step.ts";
import type { StoredTensor } from "../tensor/table.ts";

/** One tensor that a model has, under its canonical name and in torch's layout. */
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
  /** The patterns of all of the checkpoint's names: what else there is may tell what a tensor holds. */
  readonly patterns: ReadonlySet<string>;
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
 * number, after the name of the list of layers: `layers.{i}.mlp.up_proj.weight`.
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

/** Canonical names inside a layer, in the order in which their rows lie in `into`, without `.weight` and `.bias`. */
export interface FusedNames {
  readonly parts: readonly string[];
  readonly into: string;
}

/** The class of stock transformers that a family's converted folders are for. */
export interface StockClass {
  readonly architecture: string;
  /** Its `model_type`. */
  readonly modelType: string;
  /** The fields of its config.json, but for those that every config.json has. */
  fields(config: ModelConfig): Readonly<Record<string, unknown>>;
}

/**
 * A model family: how its config.json is read, the tensors it has, how checkpoints of it name and lay them, and what it is
 * converted to. Canonical names are those of the stock class.
 */
export interface Family {
  readonly name: FamilyName;
  /** What config.json calls its classes, the usual one first. */
  readonly architectures: readonly [string, ...string[]];
  readonly modelType: string;
  /** @throws WbError WB3701 naming the field that is missing or contradicts another, WB4702 for what is not implemented. */
  readConfig(config: ConfigFields): NetworkConfig;
  /** Its tensors under canonical names, in the model's order. */
  expected(config: ModelConfig): readonly TensorSpec[];
  /** What stored names may have in front, each followed by a dot; rules do not name it. */
  readonly prefixes: readonly string[];
  /** What lists of layers are called in stored names, below a prefix. */
  readonly layers: readonly string[];
  readonly rules: readonly NameRule[];
  /** What PaddleNLP's names of all Linear weights begin with, and no other's do. */
  readonly paddlePrefix: string;
  /** The name that PaddleNLP gives a tensor with this canonical name, or what it puts together of several. */
  paddleName(name: string): string;
  /** What PaddleNLP keeps in one tensor, side by side along `out`, by the last name of each; none in most families. */
  readonly paddleFused?: readonly FusedNames[];
  readonly stock: StockClass;
  /** Ids that end a text where config.json names none; the stock class may have others. */
  readonly eosIds?: readonly number[];
  /** The class of PaddleNLP that reads the files named for it, where that is not the stock class's namesake. */
  readonly paddleClass?: StockClass;
}
