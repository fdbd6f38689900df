import type { Cause } from "../../../src/verify/diagnose/diagnosis.ts";
import type { EditableModel } from "../editable-model.ts";

/** The models that mistakes are made in: InternLM's own oracle, and two of other shapes with goldens by transformers. */
export type Subject = "nano" | "biased" | "grouped";

/** One mistake in a model. */
export interface Blunder {
  readonly name: string;
  readonly in: readonly Subject[];
  readonly cause: Cause;
  /** Other names that are as right: where two mistakes give the same file, or only part of it can be told. */
  readonly or?: readonly Cause[];
  /** Makes it; gives the tensors that are to blame, none where it is the configuration. */
  make(model: EditableModel): readonly string[];
}

export const EVERYWHERE: readonly Subject[] = ["nano", "biased", "grouped"];
/** Heads of keys as many as of queries, and biases. */
export const FULL: readonly Subject[] = ["nano", "biased"];
