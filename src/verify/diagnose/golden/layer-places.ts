import { inExperts } from "../../../model/canonical-names.ts";
import { inLayer, layerOf } from "../../../model/layer-number.ts";
import type { ModelConfig } from "../../../model/config/model-config.ts";
import type { Laboratory } from "../../compare/model-runner.ts";
import { describePlaces } from "../../relate/places.ts";
import type { Diagnosis } from "../diagnosis.ts";
import { layerNames } from "../hypotheses/hypotheses.ts";
import type { Changes, LocalLab } from "./local-lab.ts";
import type { SearchBudget } from "./search.ts";
import { sameValues } from "../hypotheses/tensor-edits.ts";

const NOTHING: Diagnosis = { cause: "undetermined", tensors: [], evidence: "" };

/** Share of what a layer adds that is off where it is the right layer all the same: those that were rounded, for one. */
const NEAR = 0.05;

/** A layer that departs from the golden. */
interface Departing {
  readonly layer: number;
  readonly before: number;
  readonly noise: number;
}

/** Layers in other layers' places, and the layers that this explains. */
export interface Places {
  readonly diagnosis: Diagnosis | undefined;
  readonly explained: ReadonlySet<number>;
}

/**
 * Whether layers that depart are each other's: the right parameters of one are those that stand in another one's place. The
 * distance found for one layer is tried first on the next. Layers that repeat another are told by their values.
 */
export async function findPlaces(
  lab: LocalLab,
  departing: readonly Departing[],
  budget: SearchBudget,
): Promise<Places> {
  const { laboratory } = lab;
  const { layers } = laboratory.config;
  const layersWrong = new Set(departing.map(({ layer }) => layer));
  const held = Array.from({ length: layers }, (_unused, layer) => layer);
  const explained = new Set<number>();
  for (const layer of layersWrong) {
    const twin = await twinOf(laboratory, layer, layers);
    if (twin === undefined || layersWrong.has(twin)) continue;
    held[layer] = twin;
    explained.add(layer);
  }
  let before = 0;
  let [distance, misses] = [1, 0];
  for (const { layer, noise, ...departure } of departing) {
    // What is right at a first token has its own values, values of heads and networks: it is no other layer.
    const atFirst = await lab.firstDifference({ kind: "layer", index: layer });
    if (atFirst <= noise) continue;
    const isNear = layer < layers - 1 && (await lab.share(layer)) < NEAR;
    const candidates = isNear ? [] : [...layersWrong];
    const source = await sourceOf(lab, layer, noise, candidates, distance, budget);
    before = Math.max(before, departure.before);
    if (source === undefined) {
      misses++;
      // Two layers that are nobody else's: the others have another mistake, too.
      if (misses === 2 && explained.size === 0) break;
      continue;
    }
    held[source] = layer;
    distance = source - layer;
    explained.add(layer);
    explained.add(source);
  }
  const places = held.flatMap((source, place) => (source === place ? [] : [place]));
  if (places.length === 0) return { diagnosis: undefined, explained: new Set() };
  // A place whose right layer is nowhere, which holds what is known, is explained as well.
  for (const place of places) explained.add(place);
  const tensors = places.flatMap((place) => layerNames(place, laboratory.names()));
  return { diagnosis: { ...describePlaces(held, tensors), before }, explained };
}

/** The place where the right parameters of a layer stand. */
async function sourceOf(
  lab: LocalLab,
  layer: number,
  noise: number,
  candidates: readonly number[],
  distance: number,
  budget: SearchBudget,
): Promise<number | undefined> {
  const order = candidates
    .filter((other) => other !== layer && areAlike(lab.laboratory, layer, other))
    .toSorted((left, right) => rank(left - layer - distance) - rank(right - layer - distance));
  for (const other of order) {
    if (!(await budget.spend())) return undefined;
    const changes = await takenFrom(lab, layer, other);
    const part = { kind: "layer", index: layer } as const;
    if ((await lab.difference(part, changes, undefined, noise, true)) <= noise) return other;
  }
  return undefined;
}

/** Whether one layer's parameters have the names of another's: layers with experts and without do not. */
function areAlike(laboratory: Laboratory, layer: number, other: number): boolean {
  const [own, others] = [layer, other].map((one) => layerNames(one, laboratory.names()));
  return (
    own?.length === others?.length &&
    (own ?? []).every((name) => laboratory.facts(inLayer(name, other)) !== undefined)
  );
}

const rank = (value: number): number => Math.abs(value);

async function takenFrom({ laboratory }: LocalLab, layer: number, other: number): Promise<Changes> {
  const changes = new Map();
  for (const name of layerNames(layer, laboratory.names()))
    changes.set(name, await laboratory.read(inLayer(name, other)));
  return changes;
}

/** Another layer with the same matrices. */
async function twinOf(
  laboratory: Laboratory,
  layer: number,
  layers: number,
): Promise<number | undefined> {
  const names = layerNames(layer, laboratory.names());
  const [first] = names;
  if (first === undefined) return undefined;
  const own = await laboratory.read(first, { begin: 0, end: 1 });
  for (let other = 0; other < layers; other++) {
    if (other === layer || !areAlike(laboratory, layer, other)) continue;
    const row = await laboratory.read(inLayer(first, other), { begin: 0, end: 1 });
    if (!sameValues(own, row)) continue;
    let isTwin = true;
    for (const name of names)
      isTwin &&= sameValues(
        await laboratory.read(name),
        await laboratory.read(inLayer(name, other)),
      );
    if (isTwin) return other;
  }
  return undefined;
}

/**
 * Copies of tensors as one where they are all of a layer and of one other: two layers that are the same, of which one was lost, or the
 * layers before or behind stand one place off.
 */
export function joinTwins(
  twins: readonly Diagnosis[],
  names: readonly string[],
): readonly Diagnosis[] {
  const sources = new Map<number, Map<number, Diagnosis[]>>();
  for (const twin of twins) {
    const [of] = (twin.claims ?? []).flatMap((claim) => layerOf(claim.of ?? "") ?? []);
    if (twin.layer === undefined || of === undefined) continue;
    const own = sources.get(twin.layer) ?? new Map<number, Diagnosis[]>();
    sources.set(twin.layer, own.set(of, [...(own.get(of) ?? []), twin]));
  }
  const joined = new Map<Diagnosis, Diagnosis>();
  for (const [layer, own] of sources)
    for (const [of, found] of own) {
      if (found.length < layerNames(layer, names).length || joined.has(found[0] ?? NOTHING))
        continue;
      // The other layer's are the same the other way round.
      const parts = [...found, ...(sources.get(of)?.get(layer) ?? [])];
      const diagnosis: Diagnosis = {
        cause: "duplicated",
        tensors: parts.flatMap(({ tensors }) => tensors),
        evidence: `layers ${Math.min(layer, of)} and ${Math.max(layer, of)} are the same in all their tensors: a layer was lost, of which one of them took the place, or those between stand one place off`,
        claims: parts.flatMap(({ claims = [] }) => claims),
      };
      for (const part of parts) joined.set(part, diagnosis);
    }
  return [...new Set(twins.map((twin) => joined.get(twin) ?? twin))];
}

/** Tensors of a layer that another expert of it or another layer has, too. */
export async function repeatedTensors(
  names: readonly string[],
  laboratory: Laboratory,
  { layers, experts }: ModelConfig,
): Promise<readonly Diagnosis[]> {
  const found: Diagnosis[] = [];
  for (const name of names) {
    const layer = layerOf(name);
    if (layer === undefined) continue;
    const own = await laboratory.read(name);
    if (own.data.every((value) => value === own.data[0])) continue;
    const others = Array.from({ length: layers }, (_unused, other) => inLayer(name, other));
    for (const twin of [...inExperts(name, experts?.count ?? 0), ...others]) {
      if (twin === name || laboratory.facts(twin) === undefined) continue;
      const row = await laboratory.read(twin, { begin: 0, end: 1 });
      if (!row.data.every((value, index) => value === own.data[index])) continue;
      if (!sameValues(own, await laboratory.read(twin))) continue;
      found.push({
        cause: "duplicated",
        tensors: [name],
        layer,
        evidence: `it has the values of ${twin}`,
        claims: [{ tensor: name, of: twin, kind: "twin" }],
      });
      break;
    }
  }
  return found;
}
