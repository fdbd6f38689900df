import type { Cause } from "../../../src/verify/diagnose/diagnosis.ts";
import type { EditableModel } from "../editable-model.ts";
import type { Base, BaseName } from "./bases.ts";
import type { PlainSpec } from "./plain-decoder.ts";

/** How a mistake is looked for. */
export type Mode = "pair" | "diff" | "states" | "logits";

export const MODES: readonly Mode[] = ["pair", "diff", "states", "logits"];

/** Sections of the table. */
export type Kind =
  | "rotary"
  | "heads"
  | "swapped parts"
  | "fused order"
  | "transposed"
  | "layers"
  | "parallel parts"
  | "scales"
  | "adapters"
  | "biases and norms"
  | "number formats"
  | "damage"
  | "versions and copies"
  | "tables"
  | "settings";

/** One mistake of a converter, made in a model. */
export interface Fault {
  readonly name: string;
  readonly kind: Kind;
  readonly base: BaseName;
  /** What it may be called first: more than one where two mistakes give the same file, or one name holds the other. */
  readonly causes: readonly Cause[];
  /** Where it shows; in all ways when left out. */
  readonly modes?: readonly Mode[];
  /** Makes it; gives the tensors that are to blame, none where it is the configuration. */
  make(model: EditableModel, base: Base): readonly string[];
  /** What the golden was computed with, where that is what differs. */
  readonly golden?: (spec: PlainSpec) => PlainSpec;
}

/** A change that leaves the model right. */
export interface Harmless {
  readonly name: string;
  readonly base: BaseName;
  readonly modes?: readonly Mode[];
  make(model: EditableModel, base: Base): void;
  /** Done to the folder after it was written. */
  readonly files?: (folder: string) => Promise<void> | void;
}
