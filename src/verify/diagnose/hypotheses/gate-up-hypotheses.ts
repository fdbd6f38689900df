import { expertWeight, layerName } from "../../../model/canonical-names.ts";
import type { ModelConfig } from "../../../model/config/model-config.ts";
import { EXPERTS } from "../../../model/experts-network.ts";
import { MLP } from "../../../model/network.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { rowsByRank } from "./attention-hypotheses.ts";
import { edited, editedTogether, type Hypothesis } from "./hypothesis.ts";
import { inverse, takeRows } from "./tensor-edits.ts";

/** Parallel ranks that gate and up are cut for. */
const RANKS = [2, 4, 8, 3];

/** An order of the rows of [gate | up], and what was done where it puts them right. */
interface NamedOrder {
  readonly cause: "fused-order" | "rank-order";
  readonly mistake: string;
  /** Row i of the right ones is row order[i] of what is stored. */
  readonly order: readonly number[];
}

/**
 * Rows of gate and up in another order: where they are one matrix, gate first (GLM), and where a fused one was cut in another way than
 * it was put together, in the layer's network or in all of its experts.
 */
export function gateUpHypotheses(
  layer: number,
  { intermediateSize, experts }: ModelConfig,
  has: ReadonlySet<string>,
): readonly Hypothesis[] {
  const at = (module: string): string => layerName(layer, `${module}.weight`);
  const fused = at(MLP.gateUp);
  if (has.has(fused))
    return [exchanged(intermediateSize), ...reordered(intermediateSize)].map(
      ({ cause, mistake, order }): Hypothesis => ({
        cause,
        tensors: [fused],
        mistake,
        undo: (read) => edited([fused], read, (tensor) => takeRows(tensor, order)),
      }),
    );
  const ofExperts = Array.from({ length: experts?.count ?? 0 }, (_unused, expert) =>
    [EXPERTS.gate, EXPERTS.up].map((module) => expertWeight(layer, module, expert)),
  );
  const groups: readonly (readonly [readonly (readonly string[])[], number])[] = [
    [[[at(MLP.gate), at(MLP.up)]], intermediateSize],
    [ofExperts, experts?.size ?? 0],
  ];
  return groups
    .filter(([pairs]) => pairs.length > 0 && pairs.flat().every((name) => has.has(name)))
    .flatMap(([pairs, size]) =>
      reordered(size).map(({ cause, mistake, order }): Hypothesis => ({
        cause,
        tensors: pairs.flat(),
        mistake,
        undo: async (read) => {
          const changes = new Map<string, HostTensor>();
          for (const names of pairs) {
            const right = await editedTogether(names, read, (rows) => takeRows(rows, order));
            for (const [name, tensor] of right) changes.set(name, tensor);
          }
          return changes;
        },
      })),
    );
}

function exchanged(size: number): NamedOrder {
  return {
    cause: "fused-order",
    mistake: "its halves, gate and up, stand in each other's place",
    order: Array.from({ length: 2 * size }, (_unused, row) => (row + size) % (2 * size)),
  };
}

function reordered(size: number): readonly NamedOrder[] {
  const byTurns = Array.from(
    { length: 2 * size },
    (_unused, row) => (row % 2) * size + Math.floor(row / 2),
  );
  const ranks = RANKS.filter((count) => size % count === 0).flatMap((count): NamedOrder[] => {
    const joined = rowsByRank([size, size], count);
    return [
      {
        cause: "rank-order",
        mistake: `the parts of ${count} parallel ranks, gate and up each, were joined plainly`,
        order: inverse(joined),
      },
      {
        cause: "rank-order",
        mistake: `gate and up were taken apart as parts of ${count} parallel ranks`,
        order: joined,
      },
    ];
  });
  return [
    {
      cause: "fused-order",
      mistake: "rows of gate and up go alternately, where all of gate comes first",
      order: inverse(byTurns),
    },
    {
      cause: "fused-order",
      mistake: "rows of gate and up were taken apart once too often",
      order: byTurns,
    },
    ...ranks,
  ];
}
