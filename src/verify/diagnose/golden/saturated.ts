import { dot } from "../../../tensor/dot.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { commonLayer, type Diagnosis } from "../diagnosis.ts";
import type { Read } from "../hypotheses/hypothesis.ts";
import { pileOf, type Pile } from "../values/pile.ts";
import type { Departing } from "./departures.ts";
import type { SearchBudget } from "./search.ts";

/** How much larger such values are made: the tails beyond 2 to 4 standard deviations are so much larger on average. */
const LARGER = [0.06, 0.12, 0.2, 0.3];

/** What must be left at most of a departure's energy: of a tail's, its mean alone explains half. */
const LEFT = 0.75;

/** What one more tensor must at least bring that down by. */
const BETTER = 0.97;

/**
 * Matrices whose largest values are many and all of one size, as where a format's or a clip's limit cut them, and of which making these
 * larger brings a layer nearer to the golden. The values that were cut are lost.
 */
export async function saturatedOnes(
  names: readonly string[],
  read: Read,
  departing: Departing,
  budget: SearchBudget,
): Promise<readonly Diagnosis[]> {
  const cut: { readonly name: string; readonly tensor: HostTensor; readonly pile: Pile }[] = [];
  for (const name of names) {
    const tensor = await read(name);
    const pile = pileOf(tensor.data);
    if (tensor.shape.length === 2 && pile !== undefined) cut.push({ name, tensor, pile });
  }
  if (cut.length === 0) return [];
  const before = energyOf(await departing());
  let [left, changes] = [before, new Map<string, HostTensor>()];
  const found: Diagnosis[] = [];
  for (const { name, tensor, pile } of cut) {
    let best: { readonly energy: number; readonly made: HostTensor } | undefined;
    for (const share of LARGER) {
      if (!(await budget.spend())) return [];
      const made = enlarged(tensor, pile.size, 1 + share);
      const energy = energyOf(await departing(new Map([...changes, [name, made]])));
      if (energy < (best?.energy ?? BETTER * left)) best = { energy, made };
    }
    if (best === undefined) continue;
    const falls = `${(100 * (1 - best.energy / left)).toFixed(0)} %`;
    const beside = found.length > 0 ? ", beside those of the tensors before" : "";
    found.push({
      cause: "corrupt",
      tensors: [name],
      ...commonLayer([name]),
      evidence: `${pile.count} of its values are ±${pile.size.toPrecision(3)}, and none is larger, as where a limit cut them; with these made larger${beside}, the departure's energy falls by ${falls}`,
    });
    [left, changes] = [best.energy, new Map([...changes, [name, best.made]])];
  }
  return left <= LEFT * before ? found : [];
}

function enlarged({ shape, data }: HostTensor, size: number, factor: number): HostTensor {
  return { shape, data: data.map((value) => (Math.abs(value) === size ? value * factor : value)) };
}

const energyOf = (rest: Float64Array): number => dot(rest, rest);
