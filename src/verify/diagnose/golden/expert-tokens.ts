import { expertWeight } from "../../../model/canonical-names.ts";
import { EXPERTS } from "../../../model/experts-network.ts";
import type { LocalLab } from "./local-lab.ts";
import type { SearchBudget } from "./search.ts";
import type { MeasuredPart } from "./suspects.ts";

/** The one expert whose tokens are those that depart. */
export interface BlamedExpert {
  readonly expert: number;
  readonly tensors: readonly string[];
  /** How many tokens take it, and how many there are. */
  readonly tokens: number;
  readonly all: number;
}

/**
 * The one expert of a layer that is taken by exactly the tokens that depart: which take it shows when it is left out. Undefined
 * where there is no such expert, or more than one.
 */
export async function expertToBlame(
  lab: LocalLab,
  layer: number,
  { part, noise }: MeasuredPart,
  budget: SearchBudget,
): Promise<BlamedExpert | undefined> {
  const { experts, hiddenSize } = lab.laboratory.config;
  const outputs = await lab.outputs(part);
  const departing = outputs.flatMap(({ ours, reference }) =>
    tokensThatDiffer(ours, reference, hiddenSize, noise),
  );
  const blamed: BlamedExpert[] = [];
  for (let expert = 0; expert < (experts?.count ?? 0); expert++) {
    const at = (module: string): string => expertWeight(layer, module, expert);
    const down = at(EXPERTS.down);
    if (lab.laboratory.facts(down) === undefined || !(await budget.spend())) return undefined;
    const { shape, data } = await lab.read(down);
    const without = await lab.outputs(
      part,
      new Map([[down, { shape, data: new Float32Array(data.length) }]]),
    );
    const taking = outputs.flatMap(({ ours }, index) =>
      tokensThatDiffer(ours, without[index]?.ours ?? ours, hiddenSize, 0),
    );
    const tokens = taking.filter(Boolean).length;
    if (tokens === 0 || taking.some((takes, token) => takes !== departing[token])) continue;
    const tensors = [EXPERTS.gate, EXPERTS.up, EXPERTS.down].map(at);
    blamed.push({ expert, tensors, tokens, all: taking.length });
  }
  return blamed.length === 1 ? blamed[0] : undefined;
}

/** Of each token, whether any of its channels is further off than a limit. */
export function tokensThatDiffer(
  left: Float32Array,
  right: Float32Array,
  width: number,
  limit: number,
): readonly boolean[] {
  return Array.from({ length: left.length / width }, (_unused, token) => {
    for (let index = token * width; index < (token + 1) * width; index++)
      if (!(Math.abs((left[index] ?? 0) - (right[index] ?? 0)) <= limit)) return true;
    return false;
  });
}
