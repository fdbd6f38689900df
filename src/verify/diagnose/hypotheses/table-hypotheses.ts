import type { Dtype } from "../../../tensor/dtype.ts";
import { EMBEDDINGS, HEAD } from "../../../model/network.ts";
import { edited, type Hypothesis } from "./hypothesis.ts";
import { rereadsOf } from "./reread-hypotheses.ts";
import { reinterpreted, takeRows } from "./tensor-edits.ts";

/** Rows by which a vocabulary may be shifted: special tokens and reserved ones come in dozens at most. */
const MAX_SHIFT = 64;

/** Mistakes in one of the two tables of the vocabulary. */
export function tableHypotheses(
  name: string,
  names: readonly string[],
  vocabSize: number,
  dtypeOf: (name: string) => Dtype | undefined,
): readonly Hypothesis[] {
  if (!names.includes(name)) return [];
  const shifts = Array.from({ length: Math.min(MAX_SHIFT, vocabSize - 1) }, (_unused, index) =>
    [index + 1, -index - 1].map((shift) => shiftOf(name, shift, vocabSize)),
  ).flat();
  const swap: readonly Hypothesis[] =
    names.includes(EMBEDDINGS) && names.includes(HEAD)
      ? name === HEAD
        ? [untiedHead, tableSwap]
        : [tableSwap]
      : [];
  return [...swap, transposedTable(name), ...rereadsOf([name], dtypeOf), ...shifts];
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

/** The embeddings are the right head; they may themselves be right or not. */
export const untiedHead: Hypothesis = {
  cause: "tied",
  tensors: [HEAD],
  mistake: "lm_head is not the embeddings, which are the right one",
  undo: async (read) => new Map([[HEAD, await read(EMBEDDINGS)]]),
};

function transposedTable(name: string): Hypothesis {
  return {
    cause: "transposed",
    tensors: [name],
    mistake: "stored as [hidden, vocabulary] under the shape of the other way round",
    undo: (read) => edited([name], read, reinterpreted),
  };
}

/** Row i of the table as stored is row i + shift of the true one, round the end: undone by taking row i − shift. */
function shiftOf(name: string, shift: number, vocabSize: number): Hypothesis {
  const order = (): readonly number[] =>
    Array.from({ length: vocabSize }, (_unused, row) => (row - shift + vocabSize) % vocabSize);
  return {
    cause: "row-shifted",
    tensors: [name],
    mistake: `row i holds what belongs to row i ${shift > 0 ? "+" : "−"} ${Math.abs(shift)}`,
    undo: async (read) => new Map([[name, takeRows(await read(name), order())]]),
  };
}
