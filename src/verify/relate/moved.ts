import type { Assembly } from "../../mapping/assembly.ts";
import type { TensorDiff } from "../compare/diff-checkpoints.ts";
import { isOfAttention, isOfMlp } from "../../model/canonical-names.ts";
import { inLayer, layerOf } from "../../model/layer-number.ts";
import { commonLayer, type Diagnosis } from "../diagnose/diagnosis.ts";
import { commonHalf } from "./common-half.ts";
import type { HalfDtype } from "../diagnose/hypotheses/tensor-edits.ts";
import { digestsOf } from "./digests.ts";
import { describePlaces, type MovedPart } from "./places.ts";

type Tensors = ReadonlyMap<string, Assembly>;

/** What equal values under other names explain. */
export interface Moved {
  readonly diagnoses: readonly Diagnosis[];
  /** The tensors of either side that are explained. */
  readonly explained: ReadonlySet<string>;
  /** Which layer's parameters stand in each place; undefined where none is moved. */
  readonly held?: readonly number[] | undefined;
}

/** Entries of a message. */
const LISTED = 6;

/**
 * Tensors whose values stand under another name on the other side, found by digests: renamed ones, layers in another order, and
 * layers that are there twice. Reads those that differ, and for layers the whole reference, once.
 */
export async function movedTensors(
  ours: Tensors,
  reference: Tensors,
  diffs: readonly TensorDiff[],
  signal?: AbortSignal,
): Promise<Moved> {
  const only = (kind: TensorDiff["class"]): readonly string[] =>
    diffs.filter((diff) => diff.class === kind).map(({ name }) => name);
  const sides: Sides = { ours, reference, halfOf: halvesOf(ours, reference), signal };
  const renamed = await renamedOnes(sides, only("onlyLeft"), only("onlyRight"));
  const layers = await movedLayers(sides, only("differ"));
  return {
    diagnoses: [...renamed.diagnoses, ...layers.diagnoses],
    explained: new Set([...renamed.explained, ...layers.explained]),
    held: layers.held,
  };
}

interface Sides {
  readonly ours: Tensors;
  readonly reference: Tensors;
  /** What the values of a tensor of either side are rounded to before they are compared. */
  readonly halfOf: (name: string) => HalfDtype | undefined;
  readonly signal: AbortSignal | undefined;
}

/** By name; a name that one side alone has goes with the others. */
function halvesOf(ours: Tensors, reference: Tensors): Sides["halfOf"] {
  const of = (name: string): HalfDtype | undefined =>
    commonHalf(ours.get(name)?.dtype, reference.get(name)?.dtype);
  const shared = [...ours.keys()].filter((name) => reference.has(name));
  const usual = shared.map(of).find((half) => half !== undefined);
  return (name) => (ours.has(name) && reference.has(name) ? of(name) : usual);
}

async function renamedOnes(
  { ours, reference, halfOf, signal }: Sides,
  left: readonly string[],
  right: readonly string[],
): Promise<Moved> {
  if (left.length === 0 || right.length === 0) return { diagnoses: [], explained: new Set() };
  const theirs = await digestsOf(reference, right, signal, halfOf);
  const byDigest = new Map<string, string[]>();
  for (const [name, digest] of theirs)
    byDigest.set(digest, [...(byDigest.get(digest) ?? []), name]);
  const pairs: (readonly [string, string])[] = [];
  for (const [name, digest] of await digestsOf(ours, left, signal, halfOf)) {
    // Of several equal ones that whose name is most like it.
    const candidates = byDigest.get(digest) ?? [];
    const best = candidates.toSorted((a, b) => alike(b, name) - alike(a, name))[0];
    if (best === undefined) continue;
    byDigest.set(
      digest,
      candidates.filter((candidate) => candidate !== best),
    );
    pairs.push([name, best]);
  }
  const [first] = pairs;
  if (first === undefined) return { diagnoses: [], explained: new Set() };
  const tensors = pairs.map(([name]) => name);
  return {
    diagnoses: [
      {
        cause: "renamed",
        tensors,
        ...commonLayer(tensors),
        evidence: `${renaming(pairs)}; the values are equal`,
        relation: pairs
          .slice(0, LISTED)
          .map(([name, other]) => `${name} = ${other}`)
          .join("; "),
        after: 0,
      },
    ],
    explained: new Set(pairs.flat()),
  };
}

/** How many characters two names share at their ends. */
function alike(left: string, right: string): number {
  let count = 0;
  while (count < left.length && left.at(-1 - count) === right.at(-1 - count)) count++;
  return count;
}

function renaming(pairs: readonly (readonly [string, string])[]): string {
  const prefixes = new Set(
    pairs.map(([name, other]) =>
      name.endsWith(other)
        ? `+${name.slice(0, -other.length)}`
        : other.endsWith(name)
          ? `-${other.slice(0, -name.length)}`
          : "",
    ),
  );
  const [prefix = ""] = prefixes;
  const count = `${pairs.length} ${pairs.length === 1 ? "tensor stands" : "tensors stand"}`;
  if (prefixes.size === 1 && prefix !== "")
    return `${count} under the other side's name ${prefix.startsWith("+") ? "with" : "without"} the prefix ${prefix.slice(1)}`;
  const [first] = pairs;
  return `${count} under another name: ${first?.[0] ?? ""} is ${first?.[1] ?? ""} there`;
}

async function movedLayers(sides: Sides, wrong: readonly string[]): Promise<Moved> {
  const { ours, reference, halfOf, signal } = sides;
  const nothing: Moved = { diagnoses: [], explained: new Set() };
  const places = new Map<number, string[]>();
  for (const name of wrong) {
    const layer = layerOf(name);
    if (layer !== undefined) places.set(layer, [...(places.get(layer) ?? []), name]);
  }
  // One tensor in another layer's place is a swap or a copy of that tensor, not of layers.
  const whole = [...places].filter(([, names]) => names.length > 1);
  if (whole.length === 0) return nothing;
  const layered = [...reference.keys()].filter((name) => layerOf(name) !== undefined);
  const byDigest = new Map<string, number[]>();
  for (const [name, digest] of await digestsOf(reference, layered, signal, halfOf)) {
    const key = `${digest} ${withoutLayer(name)}`;
    byDigest.set(key, [...(byDigest.get(key) ?? []), layerOf(name) ?? -1]);
  }
  const sources = new Map<number, number>();
  const explained = new Set<string>();
  for (const [place, names] of whole) {
    const candidates = [...(await digestsOf(ours, names, signal, halfOf))].map(
      ([name, digest]) => [name, new Set(byDigest.get(`${digest} ${withoutLayer(name)}`))] as const,
    );
    const source = sourceOf(candidates.map(([, list]) => list));
    if (source === undefined) continue;
    sources.set(place, source);
    for (const [name, list] of candidates) if (list.has(source)) explained.add(name);
  }
  if (sources.size === 0) return nothing;
  const held = Array.from(
    { length: layerCount(ours) },
    (_unused, place) => sources.get(place) ?? place,
  );
  const part = await partMoved(sides, held, explained);
  const layers = layerCount(reference);
  return { diagnoses: [describePlaces(held, [...explained], part, layers)], explained, held };
}

/** The layer that most of a place's tensors come from: what else was done to the others is told by themselves. */
function sourceOf(candidates: readonly ReadonlySet<number>[]): number | undefined {
  const counts = new Map<number, number>();
  for (const layer of candidates.flatMap((list) => [...list]))
    counts.set(layer, (counts.get(layer) ?? 0) + 1);
  const [best] = [...counts].toSorted(([, left], [, right]) => right - left);
  return best !== undefined && best[1] > 1 && 2 * best[1] > candidates.length ? best[0] : undefined;
}

function layerCount(tensors: Tensors): number {
  return new Set([...tensors.keys()].flatMap((name) => layerOf(name) ?? [])).size;
}

/** What of the layers was moved, where the rest of them stands in its own place. */
async function partMoved(
  { ours, reference, halfOf, signal }: Sides,
  held: readonly number[],
  moved: ReadonlySet<string>,
): Promise<MovedPart | undefined> {
  for (const name of ours.keys()) {
    const layer = layerOf(name);
    const source = layer === undefined ? undefined : held[layer];
    if (layer === undefined || source === undefined || source === layer || moved.has(name))
      continue;
    const other = inLayer(name, source);
    const [own] = (await digestsOf(ours, [name], signal, halfOf)).values();
    const [theirs] = (await digestsOf(reference, [other], signal, halfOf)).values();
    if (own === theirs) continue;
    const all = [...moved];
    const modules = [...new Set(all.map((one) => inLayer(one, "{i}")))];
    const called = all.every(isOfAttention)
      ? "attention"
      : all.every(isOfMlp)
        ? "MLP"
        : `${modules.length} tensors`;
    return { name: called, modules };
  }
  return undefined;
}

function withoutLayer(name: string): string {
  return name.replace(`.${layerOf(name) ?? ""}.`, ".*.");
}
