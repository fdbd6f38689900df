import type { ModelConfig } from "../../../model/config/model-config.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import type { Hypothesis, Read } from "./hypothesis.ts";
import { stateNorms } from "./scale-hypotheses.ts";

/** The places that norms of states have been stored from their own. */
const SHIFTS = [
  { by: 1, mistake: "each norm of states is stored one place late, under the next one's name" },
  { by: -1, mistake: "each norm of states is stored one place early, under the name before it" },
] as const;

/** One layer's norms, which hold what belongs to the norm before or after them in the order in which the model applies them. */
export function shiftedNorms(
  layer: number,
  config: ModelConfig,
  has: ReadonlySet<string>,
): readonly Hypothesis[] {
  return hypothesesOf(chainOf(config, has), stateNorms(layer, config, has));
}

/** The norms of all layers at once. */
export function allNormsShifted(
  config: ModelConfig,
  has: ReadonlySet<string>,
): readonly Hypothesis[] {
  const chain = chainOf(config, has);
  return hypothesesOf(chain, chain);
}

function chainOf(config: ModelConfig, has: ReadonlySet<string>): readonly string[] {
  return Array.from({ length: config.layers }, (_unused, layer) =>
    stateNorms(layer, config, has),
  ).flat();
}

/** In a model of one layer two norms that were exchanged are the same. */
const LEAST = 4;

function hypothesesOf(chain: readonly string[], own: readonly string[]): readonly Hypothesis[] {
  if (chain.length < LEAST) return [];
  return SHIFTS.map(({ by, mistake }) => ({
    cause: "swapped",
    tensors: own,
    mistake,
    undo: async (read) => putBack(chain, own, by, read),
  }));
}

async function putBack(
  chain: readonly string[],
  own: readonly string[],
  by: number,
  read: Read,
): Promise<ReadonlyMap<string, HostTensor>> {
  const changes = new Map<string, HostTensor>();
  for (const name of own) {
    // What would be beyond either end is at the other one, or lost.
    const at = (chain.indexOf(name) + by + chain.length) % chain.length;
    const [mine, right] = [await read(name), await read(chain[at] ?? name)];
    if (right.data.length === mine.data.length) changes.set(name, right);
  }
  return changes;
}
