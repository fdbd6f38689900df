import { inLayer, layerOf } from "../../../model/layer-number.ts";
import type { Assembly } from "../../../mapping/assembly.ts";
import type { ModelConfig } from "../../../model/config/model-config.ts";
import type { Diagnosis } from "../diagnosis.ts";
import { relatedOnes, transposedOnes } from "./pair-related.ts";
import { Pair, type Tensors } from "./pair.ts";

/** Layers in other places: which of the reference stands in each. */
export interface Placed {
  readonly ours: Tensors;
  readonly reference: Tensors;
  readonly held: readonly number[];
}

/** What else was done to tensors of layers that stand in other places, each held against the layer that it is. */
export async function inMovedLayer(
  { ours, reference, held }: Placed,
  wrong: Set<string>,
  config: ModelConfig | undefined,
  signal: AbortSignal | undefined,
): Promise<Diagnosis[]> {
  const sourceOf = (name: string): string => {
    const layer = layerOf(name);
    return layer === undefined ? name : inLayer(name, held[layer] ?? layer);
  };
  const beside = new Map<string, Assembly>();
  for (const name of wrong) {
    const assembly = reference.get(sourceOf(name));
    if (sourceOf(name) !== name && assembly !== undefined) beside.set(name, assembly);
  }
  const pair = new Pair(ours, beside, signal);
  const open = new Set([...beside.keys()].filter((name) => pair.isReadable(name)));
  const found = [...(await transposedOnes(pair, open)), ...(await relatedOnes(pair, open, config))];
  for (const name of found.flatMap(({ tensors }) => tensors)) wrong.delete(name);
  return found.map(({ claims = [], ...one }) => ({
    ...one,
    evidence: `${one.evidence}; beside the layer that stands in its place`,
    claims: claims.map((claim) => ({ ...claim, of: sourceOf(claim.tensor) })),
  }));
}
