import type { PassPlan } from "./prefix-plan.ts";

/** Tokens of one pass, or of a part of it, that go through the model with those of others. */
export interface BatchPart {
  readonly pass: PassPlan;
  /** Indices in the pass's text: tokens before `begin` are cached by then. */
  readonly begin: number;
  readonly end: number;
}

/**
 * Passes in batches of at most `size` tokens, in their order; a longer pass goes on in the next batch.
 * @param together False where each pass has batches of its own.
 */
export function passBatches(
  passes: readonly PassPlan[],
  size: number,
  together: boolean,
): readonly (readonly BatchPart[])[] {
  const batches: BatchPart[][] = [];
  let room = 0;
  for (const pass of passes) {
    if (!together) room = 0;
    let begin = pass.keep;
    while (begin < pass.end) {
      if (room === 0) {
        batches.push([]);
        room = size;
      }
      const end = Math.min(pass.end, begin + room);
      batches.at(-1)?.push({ pass, begin, end });
      room -= end - begin;
      begin = end;
    }
  }
  return batches;
}
