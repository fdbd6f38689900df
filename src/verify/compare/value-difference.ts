/** How two tensors differ, over all elements compared so far. */
export interface ValueDifference {
  /** Elements compared; 0 means that nothing was. */
  elements: number;
  identicalBits: boolean;
  /** −0 equals 0; NaN equals NaN. */
  equalValues: boolean;
  /** Largest |a − b|; NaN when one side is no number where the other is one, or infinities differ. */
  maxAbs: number;
  /** Largest |a − b| / |b| where b is not 0. */
  maxRel: number;
  /** Largest distance in units of the coarser dtype's last place; undefined for dtypes without one. */
  ulp: number | undefined;
  /** Row-major index of the first element whose values differ; −1 when none does. */
  firstIndex: number;
  /** Elements whose values differ. */
  differing: number;
  /** Largest |a − b| − relative · |b|, for the tolerance of rounding. */
  beyondRounding: number;
}

/** |a − b| ≤ relative · |b| + absolute. */
export interface Rounding {
  readonly relative: number;
  readonly absolute: number;
}
