import { WbError } from "../errors/wb-error.ts";
import type { StoredTensor } from "../tensor/table.ts";
import type { Family } from "../model/family.ts";
import { nameReader, type NameReader, type Reading } from "../model/names/read.ts";
import { unstacked } from "./stacks.ts";

/** Stored tensors that are read together: the tensor-parallel parts of one tensor of one layer. */
export interface NameGroup {
  readonly reading: Reading;
  /** Layer number over all pipeline stages; -1 for tensors outside of layers. */
  readonly layer: number;
  /** -1 outside of experts. */
  readonly expert: number;
  /** By rank. */
  readonly parts: readonly StoredTensor[];
}

export interface SourceGroups {
  readonly groups: readonly NameGroup[];
  readonly unknown: readonly StoredTensor[];
  /** Tensors that another stored tensor says again under the same name: [kept, repeated]. */
  readonly repeated: readonly (readonly [StoredTensor, StoredTensor])[];
}

/** How messages and plans call a stored tensor: its name in the file, and its rank where the checkpoint is split. */
export function sourceName({ name, storedName, rank }: StoredTensor): string {
  return withRank(storedName ?? name, rank);
}

/** The name that a tensor is known by, which may be another than the file's, and its rank. */
export function ownName({ name, rank }: StoredTensor): string {
  return withRank(name, rank);
}

function withRank(name: string, rank: StoredTensor["rank"]): string {
  return rank === undefined ? name : `${name}@tp${rank.tp}_pp${rank.pp}`;
}

/**
 * Sorts stored tensors by what a family makes of their names; stacked experts one by one.
 * @throws WbError WB3704 when a tensor-parallel rank has no part of a tensor that others have.
 */
export function groupSources(
  stored: readonly StoredTensor[],
  family: Family,
  path: string,
): SourceGroups {
  const reader = nameReader(family);
  const tensors = stored.flatMap((tensor) => unstacked(tensor, reader));
  const firstLayer = stageOffsets(tensors, reader);
  const byKey = new Map<
    string,
    { reading: Reading; layer: number; expert: number; parts: StoredTensor[] }
  >();
  const unknown: StoredTensor[] = [];
  const repeated: (readonly [StoredTensor, StoredTensor])[] = [];
  for (const tensor of tensors) {
    const { pattern, layer: local, expert } = reader.parse(tensor.name);
    const reading = reader.reading(pattern);
    if (reading === undefined) {
      unknown.push(tensor);
      continue;
    }
    const layer = local < 0 ? local : local + (firstLayer.get(tensor.rank?.pp ?? 0) ?? 0);
    const key = `${layer}:${expert}:${pattern}`;
    const group = byKey.get(key) ?? { reading, layer, expert, parts: [] };
    byKey.set(key, group);
    const same = group.parts.find((part) => (part.rank?.tp ?? 0) === (tensor.rank?.tp ?? 0));
    if (same === undefined) group.parts.push(tensor);
    else repeated.push([same, tensor]);
  }
  const ranks = new Set(tensors.map(({ rank }) => rank?.tp ?? 0)).size;
  const groups = [...byKey.values()].map((group) => ({
    ...group,
    parts: group.parts.toSorted((left, right) => (left.rank?.tp ?? 0) - (right.rank?.tp ?? 0)),
  }));
  for (const { parts } of groups) checkRanks(parts, ranks, path);
  return { groups, unknown, repeated };
}

function checkRanks(parts: readonly StoredTensor[], ranks: number, path: string): void {
  const isComplete =
    parts.length === ranks && parts.every(({ rank }, index) => (rank?.tp ?? 0) === index);
  if (isComplete) return;
  const found = parts.map(({ rank }) => rank?.tp ?? 0).join(", ");
  throw new WbError(
    "WB3704",
    `${path}: tensor ${parts[0]?.name ?? ""}: expected a part on each of ${ranks} tensor-parallel ranks, found ranks ${found}`,
    { details: { path, tensor: parts[0]?.name ?? "" } },
  );
}

/**
 * The number of the first layer of each pipeline stage. InternLM's training counts layers from 0 in each stage, PaddleNLP
 * over all stages: numbers restart exactly when two stages have a layer of the same number.
 */
function stageOffsets(
  tensors: readonly StoredTensor[],
  reader: NameReader,
): ReadonlyMap<number, number> {
  const layersOf = new Map<number, Set<number>>();
  for (const { name, rank } of tensors) {
    const { layer } = reader.parse(name);
    const stage = rank?.pp ?? 0;
    const layers = layersOf.get(stage) ?? new Set<number>();
    layersOf.set(stage, layers);
    if (layer >= 0) layers.add(layer);
  }
  const stages = [...layersOf].sort(([left], [right]) => left - right);
  const all = stages.flatMap(([, layers]) => [...layers]);
  if (new Set(all).size === all.length) return new Map();
  const offsets = new Map<number, number>();
  let first = 0;
  for (const [stage, layers] of stages) {
    offsets.set(stage, first);
    first += [...layers].reduce((most, layer) => Math.max(most, layer + 1), 0);
  }
  return offsets;
}
