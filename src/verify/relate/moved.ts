import type { Assembly } from "../../mapping/assembly.ts";
import type { TensorDiff } from "../compare/diff-checkpoints.ts";
import { isOfAttention, isOfMlp } from "../../model/canonical-names.ts";
import { inLayer, layerOf } from "../../model/layer-number.ts";
import { commonLayer, type Diagnosis } from "../diagnose/diagnosis.ts";
import { digestsOf } from "./digests.ts";
import { describePlaces, type MovedPart } from "./places.ts";

type Tensors = ReadonlyMap<string, Assembly>;

/** What equal values under other names explain. */
export interface Moved {
  readonly diagnoses: readonly Diagnosis[];
  /** The tensors of either side that are explained. */
  readonly explained: ReadonlySet<string>;
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
  const renamed = await renamedOnes(ours, reference, only("onlyLeft"), only("onlyRight"), signal);
  const layers = await movedLayers(ours, reference, only("differ"), signal);
  return {
    diagnoses: [...renamed.diagnoses, ...layers.diagnoses],
    explained: new Set([...renamed.explained, ...layers.explained]),
  };
}

async function renamedOnes(
  ours: Tensors,
  reference: Tensors,
  left: readonly string[],
  right: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Moved> {
  if (left.length === 0 || right.length === 0) return { diagnoses: [], explained: new Set() };
  const theirs = await digestsOf(reference, right, signal);
  const byDigest = new Map<string, string[]>();
  for (const [name, digest] of theirs)
    byDigest.set(digest, [...(byDigest.get(digest) ?? []), name]);
  const pairs: (readonly [string, string])[] = [];
  for (const [name, digest] of await digestsOf(ours, left, signal)) {
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

async function movedLayers(
  ours: Tensors,
  reference: Tensors,
  wrong: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Moved> {
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
  for (const [name, digest] of await digestsOf(reference, layered, signal)) {
    const key = `${digest} ${withoutLayer(name)}`;
    byDigest.set(key, [...(byDigest.get(key) ?? []), layerOf(name) ?? -1]);
  }
  const sources = new Map<number, number>();
  for (const [place, names] of whole) {
    const held = await digestsOf(ours, names, signal);
    const candidates = [...held].map(
      ([name, digest]) => new Set(byDigest.get(`${digest} ${withoutLayer(name)}`)),
    );
    const [first = new Set<number>()] = candidates;
    const source = [...first].find((layer) => candidates.every((list) => list.has(layer)));
    if (source !== undefined) sources.set(place, source);
  }
  if (sources.size === 0) return nothing;
  const explained = new Set([...sources.keys()].flatMap((place) => places.get(place) ?? []));
  const layers = new Set([...ours.keys()].flatMap((name) => layerOf(name) ?? [])).size;
  const held = Array.from({ length: layers }, (_unused, place) => sources.get(place) ?? place);
  const part = await partMoved(ours, reference, held, explained, signal);
  return { diagnoses: [describePlaces(held, [...explained], part)], explained };
}

/** What of the layers was moved, where the rest of them stands in its own place. */
async function partMoved(
  ours: Tensors,
  reference: Tensors,
  held: readonly number[],
  moved: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<MovedPart | undefined> {
  for (const name of ours.keys()) {
    const layer = layerOf(name);
    const source = layer === undefined ? undefined : held[layer];
    if (layer === undefined || source === undefined || source === layer || moved.has(name))
      continue;
    const other = inLayer(name, source);
    const [own] = (await digestsOf(ours, [name], signal)).values();
    const [theirs] = (await digestsOf(reference, [other], signal)).values();
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
