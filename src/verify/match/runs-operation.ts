import type { LearnedOperation, Run } from "../../mapping/learned/statement.ts";

/**
 * The operation that runs of rows or columns are: a join, where each left tensor is taken whole and once.
 * @param sizes Rows (columns) of each left tensor.
 */
export function operationOfRuns(
  axis: 0 | 1,
  runs: readonly Run[],
  sizes: readonly number[],
): Extract<LearnedOperation, { axis: 0 | 1 }> {
  const isJoin =
    runs.length === sizes.length &&
    sizes.length > 1 &&
    runs.every(
      ({ of, begin, count, step }, at) =>
        of === at && begin === 0 && (step === 1 || count === 1) && count === sizes[of],
    );
  return isJoin ? { kind: "concatenate", axis } : { kind: "gather", axis, runs };
}
