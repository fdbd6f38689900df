import { layerOf } from "../../../model/layer-number.ts";
import type { ModelConfig } from "../../../model/config/model-config.ts";
import { ATTENTION, EMBEDDINGS, HEAD } from "../../../model/network.ts";
import type { Dtype } from "../../../tensor/dtype.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { commonLayer, type Cause, type Diagnosis } from "../diagnosis.ts";
import { layerHypotheses } from "../hypotheses/hypotheses.ts";
import type { Hypothesis } from "../hypotheses/hypothesis.ts";
import type { Pair } from "./pair.ts";
import { rereadsOf } from "../hypotheses/reread-hypotheses.ts";
import type { SearchBudget } from "../golden/search.ts";
import { tableHypotheses } from "../hypotheses/table-hypotheses.ts";
import { sameValues, sizeOf } from "../hypotheses/tensor-edits.ts";

/** Columns of a matrix that a mistake among its rows is tried on before the whole is. */
const THIN_COLUMNS = 8;

/** Causes that move or change rows and elements, so that they show on some columns as on all. */
const BY_ROWS: ReadonlySet<Cause> = new Set([
  "swapped",
  "rotary-permuted",
  "qkv-split-order",
  "row-shifted",
  "dtype-misread",
  "byte-swapped",
]);

/** Mistakes that, put right, give the other side's values exactly; takes what they explain out of `wrong`. */
export async function searchPair(
  pair: Pair,
  wrong: Set<string>,
  config: ModelConfig | undefined,
  budget: SearchBudget,
): Promise<readonly Diagnosis[]> {
  const found: Diagnosis[] = [];
  const hypotheses = await hypothesesFor(pair, wrong, config, budget);
  while (wrong.size > 0 && !budget.isSpent) {
    const best = await bestExplanation(pair, hypotheses, wrong, budget);
    if (best === undefined) break;
    for (const name of best.tensors) wrong.delete(name);
    found.push({
      cause: best.cause,
      tensors: best.tensors,
      ...commonLayer(best.tensors),
      evidence: `${best.mistake}; put right, the values are those of the other side`,
      after: 0,
    });
  }
  return found;
}

async function hypothesesFor(
  pair: Pair,
  wrong: ReadonlySet<string>,
  config: ModelConfig | undefined,
  budget: SearchBudget,
): Promise<readonly Hypothesis[]> {
  const names = [...pair.ours.keys()].filter((name) => pair.reference.has(name));
  const dtypeOf = (name: string): Dtype | undefined => pair.ours.get(name)?.dtype;
  const layers = new Set([...wrong].map(layerOf));
  const rereads = [...wrong].flatMap((name) => rereadsOf([name], dtypeOf));
  if (config === undefined) return rereads;
  const hypotheses: Hypothesis[] = [];
  for (const layer of layers) {
    await budget.giveWay();
    if (layer !== undefined) {
      hypotheses.push(...layerHypotheses(layer, config, names, dtypeOf));
      continue;
    }
    hypotheses.push(...rereads);
    for (const name of [EMBEDDINGS, HEAD])
      hypotheses.push(...tableHypotheses(name, names, config.vocabSize, dtypeOf));
  }
  return hypotheses;
}

/** Of the mistakes whose undoing gives the reference's values, the one that explains most tensors with the fewest. */
async function bestExplanation(
  pair: Pair,
  hypotheses: readonly Hypothesis[],
  wrong: ReadonlySet<string>,
  budget: SearchBudget,
): Promise<Hypothesis | undefined> {
  let best: Hypothesis | undefined;
  let covered = 0;
  for (const hypothesis of hypotheses) {
    const covers = hypothesis.tensors.filter((name) => wrong.has(name)).length;
    const isBetter =
      covers > covered ||
      (covers === covered && covers > 0 && hypothesis.tensors.length < (best?.tensors.length ?? 0));
    if (!isBetter) continue;
    if (!(await budget.spend())) break;
    if (await explains(pair, hypothesis, wrong)) {
      best = hypothesis;
      covered = covers;
    }
  }
  return best;
}

async function explains(
  pair: Pair,
  hypothesis: Hypothesis,
  wrong: ReadonlySet<string>,
): Promise<boolean> {
  if (!hypothesis.tensors.every((name) => pair.isReadable(name))) return false;
  const isThinEnough = BY_ROWS.has(hypothesis.cause) || !touchesColumns(hypothesis);
  if (isThinEnough && !(await holds(pair, hypothesis, wrong, thin))) return false;
  return holds(pair, hypothesis, wrong, (tensor) => tensor);
}

/** o_proj's heads are columns; a transposition needs them all, as exchanged halves may. */
function touchesColumns({ cause, tensors }: Hypothesis): boolean {
  return (
    ["transposed", "rank-order"].includes(cause) ||
    tensors.some((name) => name.includes(ATTENTION.output))
  );
}

async function holds(
  pair: Pair,
  hypothesis: Hypothesis,
  wrong: ReadonlySet<string>,
  part: (tensor: HostTensor) => HostTensor,
): Promise<boolean> {
  const undone = await hypothesis.undo(
    async (name) => part(await pair.readOurs(name)),
    (name) => pair.readBits(name),
  );
  if (undone === undefined) return false;
  for (const [name, tensor] of undone) {
    // A tensor of another layer that is not among the wrong ones is looked at all the same: a swap has two sides.
    if (!wrong.has(name) && !pair.reference.has(name)) return false;
    // What was read from the stored bits is whole already.
    const reference = await pair.readReference(name);
    const isWhole = tensor.data.length === reference.data.length;
    if (!sameValues(tensor, isWhole ? reference : part(reference))) return false;
  }
  return true;
}

/** The first columns of a matrix; a vector whole. */
function thin(tensor: HostTensor): HostTensor {
  const { rows, columns } = sizeOf(tensor);
  if (tensor.shape.length !== 2 || columns <= THIN_COLUMNS) return tensor;
  const data = new Float32Array(rows * THIN_COLUMNS);
  for (let row = 0; row < rows; row++) {
    const begin = row * columns;
    data.set(tensor.data.subarray(begin, begin + THIN_COLUMNS), row * THIN_COLUMNS);
  }
  return { shape: [rows, THIN_COLUMNS], data };
}
