// Which of two ways is taken to compare two sides: both give the same numbers, so that no test tells them apart.
import type { Dtype } from "../../tensor/dtype.ts";

/** The floats that models are stored in. */
export type PlainFloat = "F32" | "F16" | "BF16";

/** Bytes of an element. */
export const WIDTH: Readonly<Record<PlainFloat, number>> = { F32: 4, F16: 2, BF16: 2 };

function isPlainFloat(dtype: Dtype): dtype is PlainFloat {
  return dtype === "F32" || dtype === "F16" || dtype === "BF16";
}

/** The same elements of two tensors. */
export interface FloatPair {
  readonly a: Uint8Array;
  readonly aDtype: PlainFloat;
  readonly b: Uint8Array;
  readonly bDtype: PlainFloat;
}

/** Two sides that are compared without a number in the heap for each; undefined where they are of other dtypes or of two lengths. */
export function plainPair(
  a: Uint8Array,
  aDtype: Dtype,
  b: Uint8Array,
  bDtype: Dtype,
): FloatPair | undefined {
  if (!isPlainFloat(aDtype) || !isPlainFloat(bDtype)) return undefined;
  if (a.byteLength / WIDTH[aDtype] !== b.byteLength / WIDTH[bDtype]) return undefined;
  return { a, aDtype, b, bDtype };
}
