import type { Dtype } from "../../tensor/dtype.ts";
import { rereadsOf, type Hypothesis } from "./hypotheses.ts";
import { takeRows } from "./tensor-edits.ts";

export const EMBEDDINGS = "model.embed_tokens.weight";
export const HEAD = "lm_head.weight";

/** Rows by which a vocabulary is likely to be shifted. */
const SHIFTS = [1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 8, -8, 16, -16];

/** Mistakes in one of the two tables of the vocabulary. */
export function tableHypotheses(
  name: string,
  names: readonly string[],
  vocabSize: number,
  dtypeOf: (name: string) => Dtype | undefined,
): readonly Hypothesis[] {
  if (!names.includes(name)) return [];
  const shifts = SHIFTS.flatMap((shift) => [shiftOf(name, shift, vocabSize, true)]);
  const swap: readonly Hypothesis[] =
    names.includes(EMBEDDINGS) && names.includes(HEAD) ? [tableSwap] : [];
  return [...swap, ...shifts, ...rereadsOf([name], dtypeOf)];
}

const tableSwap: Hypothesis = {
  cause: "swapped",
  tensors: [EMBEDDINGS, HEAD],
  mistake: "stored under each other's name",
  undo: async (read) =>
    new Map([
      [EMBEDDINGS, await read(HEAD)],
      [HEAD, await read(EMBEDDINGS)],
    ]),
};

/** Row i of the table as stored is row i + shift of the true one: undone by taking row i − shift. */
function shiftOf(name: string, shift: number, vocabSize: number, wraps: boolean): Hypothesis {
  const order = Array.from({ length: vocabSize }, (_unused, row) => {
    const from = row - shift;
    if (wraps) return (from + vocabSize) % vocabSize;
    return Math.min(vocabSize - 1, Math.max(0, from));
  });
  return {
    cause: "row-shifted",
    tensors: [name],
    mistake: `row i holds what belongs to row i ${shift > 0 ? "+" : "−"} ${Math.abs(shift)}`,
    undo: async (read) => new Map([[name, takeRows(await read(name), order)]]),
  };
}
