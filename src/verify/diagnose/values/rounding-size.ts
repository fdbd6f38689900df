import type { HostTensor } from "../../compare/model-runner.ts";
import type { Diagnosis } from "../diagnosis.ts";
import type { Read } from "../hypotheses/hypothesis.ts";
import type { Changes } from "../golden/local-lab.ts";
import { sizeOf } from "../hypotheses/tensor-edits.ts";

/** How many times more or less than a rounding of its size moves a model may depart for the rounding to be the cause. */
const ALIKE = 10;

/** The same, before anything else was tried. */
const CLOSELY_ALIKE = 3;

/** Where a model departs, and how far it moves from itself with some parameters changed. */
export interface Moving {
  readonly read: Read;
  readonly before: number;
  moved(changes: Changes): Promise<number>;
}

/**
 * Values that are all of a coarser format say that they were rounded, and not that this is what is wrong: honest weights are such, too.
 * Rounded once more at random, by as much, the model must move about as far as it departs. Of several formats the one that comes
 * nearest is kept.
 * @param shown What the values show; causes other than "cast" stay.
 */
export async function withoutOldRoundings(
  shown: readonly Diagnosis[],
  where: Moving,
  alike = ALIKE,
): Promise<readonly Diagnosis[]> {
  const byGrid = new Map<string, Diagnosis[]>();
  for (const diagnosis of shown) {
    if (diagnosis.cause !== "cast") continue;
    const grid = gridIn(diagnosis);
    byGrid.set(grid, [...(byGrid.get(grid) ?? []), diagnosis]);
  }
  let best: { readonly grid: string; readonly times: number } | undefined;
  for (const [grid, casts] of byGrid) {
    const changes = new Map<string, HostTensor>();
    for (const { tensors } of casts)
      for (const name of tensors) changes.set(name, roundedAgain(await where.read(name), grid));
    const by = await where.moved(changes);
    const times = Math.max(by / where.before, where.before / by);
    if (times <= alike && times < (best?.times ?? Number.POSITIVE_INFINITY)) best = { grid, times };
  }
  return shown.filter(
    (diagnosis) => diagnosis.cause !== "cast" || gridIn(diagnosis) === best?.grid,
  );
}

/**
 * Matrices of 8 bits or fewer whose rounding moves the model as far as it departs: nothing else needs to be tried.
 * @param isKnown Whether another layer was rounded so.
 */
export async function coarseRoundings(
  shown: readonly Diagnosis[],
  where: Moving,
  isKnown: boolean,
): Promise<readonly Diagnosis[]> {
  const coarse = shown.filter(
    (diagnosis) => diagnosis.cause === "cast" && gridIn(diagnosis) !== "bfloat16",
  );
  return withoutOldRoundings(coarse, where, isKnown ? ALIKE : CLOSELY_ALIKE);
}

function gridIn({ claims = [] }: Diagnosis): string {
  const [grid] = claims.flatMap((claim) => (claim.kind === "grid" ? [claim.grid] : []));
  return grid ?? "";
}

/** Half a step of a format: of a float by the value's size, of integers by the range of its row. */
function roundedAgain(tensor: HostTensor, grid: string): HostTensor {
  const { columns } = sizeOf(tensor);
  const width = tensor.shape.length < 2 ? tensor.data.length : columns;
  const data = tensor.data.slice();
  const share =
    grid === "bfloat16" ? 2 ** -8 : grid.startsWith("8-bit float") ? 2 ** -4 : undefined;
  const levels = /int4|16 values/.test(grid) ? 15 : 255;
  // Numerical Recipes' linear congruential generator, from −1 to 1: the same draws each time.
  let state = 20_261_129;
  for (let begin = 0; begin < data.length; begin += width) {
    const row = data.subarray(begin, begin + width);
    let largest = 0;
    for (let index = 0; index < row.length; index++)
      largest = Math.max(largest, Math.abs(row[index] ?? 0));
    for (let index = 0; index < row.length; index++) {
      const value = row[index] ?? 0;
      const size = share === undefined ? largest / levels : share * Math.abs(value);
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      row[index] = value + (state / 2 ** 31 - 1) * size;
    }
  }
  return { shape: tensor.shape, data };
}
