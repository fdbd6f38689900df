import { splitLayer } from "../model/layer-number.ts";

/** Lines that differ in the layer number alone, as one. */
export interface CollapsedLine {
  /** The name with `{0..31}` for the layer number. */
  readonly name: string;
  readonly facts: string;
  readonly count: number;
}

/** Names with equal facts, collapsed over layers, in order of first appearance. */
export function collapseLayers(
  entries: Iterable<{ readonly name: string; readonly facts: string }>,
): readonly CollapsedLine[] {
  const groups = new Map<
    string,
    { before: string; after: string; facts: string; layers: number[]; count: number }
  >();
  for (const { name, facts } of entries) {
    const { before, layer, after } = splitLayer(name) ?? {
      before: name,
      layer: undefined,
      after: "",
    };
    const key = JSON.stringify([before, layer === undefined, after, facts]);
    const group = groups.get(key) ?? { before, after, facts, layers: [], count: 0 };
    groups.set(key, group);
    group.count++;
    if (layer !== undefined) group.layers.push(layer);
  }
  return [...groups.values()].map(({ before, after, facts, layers, count }) => ({
    name: before + renderLayers(layers) + after,
    facts,
    count,
  }));
}

/** `{0..3,5}` for several layers, the number for one, nothing for none. */
function renderLayers(layers: readonly number[]): string {
  const sorted = [...new Set(layers)].sort((left, right) => left - right);
  const runs: [number, number][] = [];
  for (const layer of sorted) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === layer - 1) last[1] = layer;
    else runs.push([layer, layer]);
  }
  if (sorted.length < 2) return sorted.join("");
  return `{${runs.map(([from, to]) => (from === to ? `${from}` : `${from}..${to}`)).join(",")}}`;
}
