import type { Dtype } from "../../../tensor/dtype.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { isExactIn, isRounded } from "../hypotheses/tensor-edits.ts";
import { gridOf } from "../values/number-grid.ts";

/** Half a unit in the last place of an 8-bit float, the coarsest relative rounding that is called a cast. */
const COARSEST_ROUNDING = 2 ** -3.5;

/** Half of the widest gap of 4-bit tables, of their largest value: 2/3 and 1 stand side by side in FP4. */
const COARSEST_STEP = 1 / 6 + 2 ** -10;

/** The reference's values, rounded: all near, and on a coarser grid. */
export function castBetween(
  ours: HostTensor,
  reference: HostTensor,
  dtype: Dtype | undefined,
): string | undefined {
  if (isRounded(ours, reference, "BF16")) return "every value is rounded to bfloat16";
  if (isRounded(ours, reference, "F16")) return "every value is rounded to float16";
  if (isRounded(reference, ours, "BF16"))
    return "the other side has these values rounded to bfloat16";
  if (isRounded(reference, ours, "F16"))
    return "the other side has these values rounded to float16";
  const coarser = coarserBf16(ours, reference);
  if (coarser !== undefined) return coarser;
  let largest = 0;
  for (const value of reference.data) largest = Math.max(largest, Math.abs(value));
  const isNear = ours.data.every((value, index) => {
    const other = reference.data[index] ?? 0;
    return Math.abs(value - other) <= COARSEST_ROUNDING * Math.abs(other) + COARSEST_STEP * largest;
  });
  if (!isNear || dtype === undefined) return undefined;
  const grid = gridOf(ours, dtype);
  if (grid === undefined || gridOf(reference, dtype) === grid) return undefined;
  return `every value is one of ${grid}, near the other side's: it was rounded through it`;
}

/** What rounding to bfloat16 (8 bits) and to float16 (11 bits) may put between two roundings of one number; float16's least step. */
const BETWEEN_ROUNDINGS = 2 ** -8 + 2 ** -11;
const LEAST_STEP = 2 ** -24;

/** One side has bfloat16 values alone, each as near to the other side's as two roundings of one number are. */
function coarserBf16(ours: HostTensor, reference: HostTensor): string | undefined {
  const isNear = ours.data.every((value, index) => {
    const other = reference.data[index] ?? Number.NaN;
    return Math.abs(value - other) <= BETWEEN_ROUNDINGS * Math.abs(other) + LEAST_STEP;
  });
  if (!isNear) return undefined;
  const [isOurs, isTheirs] = [ours, reference].map((side) => isExactIn(side, "BF16"));
  if (isOurs === isTheirs) return undefined;
  return isOurs === true
    ? "every value is a bfloat16 within a rounding of the other side's, as if both were rounded from one number"
    : "the other side has bfloat16 values within a rounding of these, as if both were rounded from one number";
}
