import type { QuantisedType } from "../formats/gguf/quantise.ts";
import type { Dtype } from "../tensor/dtype.ts";
import { computationOf } from "./computed/source.ts";
import type { Assembly } from "./assembly.ts";

/** Dtypes that a conversion can cast to. */
export type CastDtype = Extract<Dtype, "F16" | "BF16" | "F32">;

/** What is added to a base's tensor. */
export interface Addend {
  /** The delta's tensor, which way round the target wants it; the sum has its shape. */
  readonly assembly: Assembly;
  /** Both sides are cast to it, and the sum is rounded to it. */
  readonly dtype: CastDtype;
  /** The axis along which the base may be shorter, that of the vocabulary. */
  readonly axis: 0 | 1;
  /** What the base is where it is shorter. */
  readonly newRows: NewRows;
}

/** Rows of words that a base's tables have not: zero, or the mean of the rows that they have. */
export type NewRows = "zero" | "mean";

/** What becomes of source tensors. Every source is in exactly one step (or several `split`s); every target in one. */
export type Step =
  | {
      readonly kind: "copy" | "transpose" | "split" | "merge";
      readonly from: readonly string[];
      readonly to: string;
      readonly assembly: Assembly;
      /** Another dtype than the source's, when a cast was asked for. */
      readonly cast?: Dtype;
      /** What GGUF keeps its numbers as. */
      readonly quantised?: QuantisedType;
      readonly why: string;
    }
  | {
      readonly kind: "add";
      readonly from: readonly string[];
      readonly to: string;
      /** The base's tensor. */
      readonly assembly: Assembly;
      readonly addend: Addend;
      /** Another dtype than the sum's, when a cast was asked for. */
      readonly cast?: Dtype;
      readonly why: string;
    }
  | { readonly kind: "drop"; readonly from: readonly string[]; readonly why: string };

/** A step that writes a tensor. */
export type WriteStep = Exclude<Step, { kind: "drop" }>;

/** What a step does, as plans and results call it. */
export type Action = Step["kind"] | "dequantize" | "merge-adapter" | "cast";

export function actionOf(step: Step): Exclude<Action, "cast"> {
  if (step.kind === "drop" || step.kind === "add") return step.kind;
  const purposes = step.assembly.parts.flatMap(
    ({ tensor }) => computationOf(tensor.source)?.recipe.purpose ?? [],
  );
  if (purposes.includes("merge")) return "merge-adapter";
  return purposes.length > 0 ? "dequantize" : step.kind;
}

/** Shape and dtype of what a step makes, before a cast. */
export function madeBy(step: WriteStep): {
  readonly shape: readonly number[];
  readonly dtype: Dtype;
} {
  if (step.kind !== "add") return step.assembly;
  return { shape: step.addend.assembly.shape, dtype: step.addend.dtype };
}
