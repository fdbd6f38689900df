import type { Dtype } from "../../tensor/dtype.ts";
import type { HostTensor } from "../compare/model-runner.ts";
import {
  roundedToBf16,
  roundedToF16,
  type HalfDtype,
} from "../diagnose/hypotheses/tensor-edits.ts";

/** What each half dtype is called in a sentence. */
export const HALF_NAMES: Readonly<Record<HalfDtype, string>> = { F16: "float16", BF16: "bfloat16" };

/**
 * The half dtype in which two floats of other dtypes are compared, so that a cast hides nothing else: ours, where ours is one, since
 * it was made from the other side; else the other side's. Undefined where both are stored alike, or one is no float of weights.
 */
export function commonHalf(
  ours: Dtype | undefined,
  other: Dtype | undefined,
): HalfDtype | undefined {
  if (ours === other || !isFloat(ours) || !isFloat(other)) return undefined;
  return [ours, other].find(isHalf);
}

/** The tensor as it is stored in a half dtype; itself where it is stored in that one already. */
export function inHalf(tensor: HostTensor, stored: Dtype, half: HalfDtype | undefined): HostTensor {
  if (half === undefined || stored === half) return tensor;
  return half === "F16" ? roundedToF16(tensor) : roundedToBf16(tensor);
}

function isHalf(dtype: Dtype): dtype is HalfDtype {
  return dtype === "F16" || dtype === "BF16";
}

function isFloat(dtype: Dtype | undefined): dtype is HalfDtype | "F32" | "F64" {
  return dtype === "F32" || dtype === "F64" || (dtype !== undefined && isHalf(dtype));
}
