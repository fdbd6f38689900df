import type { HostTensor } from "../../compare/model-runner.ts";
import { commonLayer, fall, type Diagnosis } from "../diagnosis.ts";
import type { Read } from "../hypotheses/hypothesis.ts";
import type { Changes } from "../golden/local-lab.ts";
import type { SearchBudget } from "../golden/search.ts";
import { sizeOf } from "../hypotheses/tensor-edits.ts";

/** Part of the difference that may stay: the true value is not known, only that it was like the others. */
const REMAINS = 0.25;

/** How much better the best tensor must do than the next. */
const MARGIN = 3;

/**
 * One damaged element, in a tensor where it stands out least conspicuously enough to be missed by eye: in each tensor the
 * element farthest from the others is made like them, and the model run again.
 */
export async function tryOutliers(
  names: readonly string[],
  read: Read,
  measure: (changes: Changes) => Promise<number>,
  before: number,
  budget: SearchBudget,
): Promise<Diagnosis | undefined> {
  const trials: {
    readonly name: string;
    readonly index: number;
    readonly columns: number;
    readonly after: number;
  }[] = [];
  for (const name of names) {
    if (!(await budget.spend())) break;
    const tensor = await read(name);
    const { index, usual } = farthest(tensor);
    if (index < 0) continue;
    const data = tensor.data.slice();
    data[index] = usual;
    const { columns } = sizeOf(tensor);
    trials.push({
      name,
      index,
      columns,
      after: await measure(new Map([[name, { ...tensor, data }]])),
    });
  }
  const [best, next] = trials.toSorted((left, right) => left.after - right.after);
  if (best === undefined || !(best.after <= REMAINS * before)) return undefined;
  if (next !== undefined && next.after < MARGIN * best.after) return undefined;
  return {
    cause: "corrupt",
    tensors: [best.name],
    ...commonLayer([best.name]),
    evidence: `element ${best.index} stands out; made like the others, ${fall(before, best.after).replace("put right, ", "")}`,
    claims: [
      {
        tensor: best.name,
        kind: "rows-differ",
        rows: [Math.floor(best.index / best.columns)],
        all: false,
      },
    ],
    before,
    after: best.after,
  };
}

/** The element farthest from the mean, and the mean of the others. */
function farthest({ data }: HostTensor): { readonly index: number; readonly usual: number } {
  if (data.length < 3) return { index: -1, usual: 0 };
  let sum = 0;
  for (const value of data) sum += value;
  const mean = sum / data.length;
  let index = 0;
  for (let at = 1; at < data.length; at++) {
    if (Math.abs((data[at] ?? 0) - mean) > Math.abs((data[index] ?? 0) - mean)) index = at;
  }
  return { index, usual: (sum - (data[index] ?? 0)) / (data.length - 1) };
}
