import { isBias } from "../../../model/canonical-names.ts";
import { layerOf } from "../../../model/layer-number.ts";
import type { ModelConfig } from "../../../model/config/model-config.ts";
import { elementCount, sameShape } from "../../../tensor/shape.ts";
import type { TensorDiff } from "../../compare/diff-checkpoints.ts";
import { movedTensors } from "../../relate/moved.ts";
import { relate } from "../../relate/relate.ts";
import { commonLayer, type Diagnosis } from "../diagnosis.ts";
import { mergeDiagnoses } from "../merge-diagnoses.ts";
import { judgeAlone } from "./pair-alone.ts";
import { withoutCommuting } from "./commuting.ts";
import { fusedOrder } from "./pair-fused.ts";
import { heldByOthers, untiedHead } from "./pair-moved.ts";
import { inMovedLayer } from "./pair-placed.ts";
import { related, relatedOnes, transposedOnes, zeroBiases } from "./pair-related.ts";
import { castOnes, inCommonHalf, isLostInHalf, roundedOnes } from "./pair-rounded.ts";
import { searchPair } from "./pair-search.ts";
import { joinVersions } from "./pair-versions.ts";
import { MAX_ELEMENTS, Pair, type Tensors } from "./pair.ts";
import { SearchBudget } from "../golden/search.ts";

/** Mistakes that are tried, all tensors together. */
const TRIES = 20_000;

/** How tensors are related, and what may be spent on it. */
interface Work {
  readonly config: ModelConfig | undefined;
  readonly budget: SearchBudget;
}

/**
 * What is wrong with the tensors of one checkpoint that differ from those of another, tensor against tensor, without running
 * the model: the reference is the right one.
 * @param diffs Of `ours` against `reference`.
 * @param config Names of mistakes in attention need the head count; without it they are not tried.
 */
export async function diagnosePair(
  ours: Tensors,
  reference: Tensors,
  diffs: readonly TensorDiff[],
  config: ModelConfig | undefined,
  signal?: AbortSignal,
): Promise<readonly Diagnosis[]> {
  const pair = new Pair(ours, reference, signal);
  const stored = new Pair(ours, reference, signal, true);
  const reversed = new Pair(reference, ours, signal);
  const moved = await movedTensors(ours, reference, diffs, signal);
  const left = diffs.filter(({ name }) => !moved.explained.has(name));
  const found: Diagnosis[] = [...moved.diagnoses, ...oneSided(left)];
  const wrong = left.filter(({ class: kind }) => kind === "differ" || kind === "withinTolerance");
  const work: Work = { config, budget: new SearchBudget(TRIES, signal) };
  for (const group of byLayer(wrong.map(({ name }) => name))) {
    const open = new Set(group);
    const sides = moved.held === undefined ? undefined : { ours, reference, held: moved.held };
    const own = sides === undefined ? [] : await inMovedLayer(sides, open, config, signal);
    const { explained, rest } = await asTheyAre(stored, pair, open, work);
    for (const one of rest)
      own.push(isUnexplained(one) ? await otherWay(reversed, one, work) : one);
    found.push(...explained, ...own.map((one) => inCommonHalf(one, pair)));
    stored.forget();
    pair.forget();
    reversed.forget();
  }
  return mergeDiagnoses(joinVersions(withoutCommuting(found, config), [...ours.keys()]));
}

/** What the group shows; where its two sides were rounded for that in vain, as both are stored. */
async function asTheyAre(
  stored: Pair,
  pair: Pair,
  wrong: Set<string>,
  work: Work,
): Promise<{ readonly explained: readonly Diagnosis[]; readonly rest: readonly Diagnosis[] }> {
  const lost = new Set<string>();
  for (const name of wrong) if (await isLostInHalf(pair, name)) lost.add(name);
  for (const name of lost) wrong.delete(name);
  const plain = lost.size === 0 ? [] : await diagnoseGroup(stored, lost, work);
  const found = await diagnoseGroup(pair, wrong, work);
  const isOpen = (one: Diagnosis): boolean =>
    isUnexplained(one) && one.tensors.some((name) => pair.halfOf(name) !== undefined);
  const open = found.filter(isOpen).flatMap(({ tensors }) => tensors);
  if (open.length === 0) return { explained: plain, rest: found };
  const again = await diagnoseGroup(stored, new Set(open), work);
  const explained = again.filter((one) => !isUnexplained(one));
  const names = new Set(explained.flatMap(({ tensors }) => tensors));
  const rest = found.filter((one) => !isOpen(one) || !one.tensors.every((name) => names.has(name)));
  return { explained: [...plain, ...explained], rest };
}

/** Whether a diagnosis says how two tensors differ, and not how one came from the other. */
function isUnexplained({ cause, claims = [] }: Diagnosis): boolean {
  return cause === "undetermined" || claims.some(({ kind }) => kind === "near");
}

/** What this side does not explain may be wrong on the other. */
async function otherWay(reversed: Pair, diagnosis: Diagnosis, work: Work): Promise<Diagnosis> {
  const [found] = await diagnoseGroup(reversed, new Set(diagnosis.tensors), work);
  if (found === undefined || isUnexplained(found)) return diagnosis;
  return {
    ...found,
    evidence: `on the other side: ${found.evidence}`,
    claims: (found.claims ?? []).map((claim) => ({
      tensor: claim.tensor,
      ...(claim.of === undefined ? {} : { of: claim.of }),
      kind: "reversed",
      statement: claim,
    })),
  };
}

/** Biases that one side lacks; other missing tensors have no name of a cause. */
function oneSided(diffs: readonly TensorDiff[]): readonly Diagnosis[] {
  const missing = diffs.filter(({ class: kind }) => kind === "onlyRight").map(({ name }) => name);
  const biases = missing.filter(isBias);
  if (biases.length === 0) return [];
  return [
    {
      cause: "bias-missing",
      tensors: biases,
      ...commonLayer(biases),
      evidence: "the other side has these biases, this one has not",
    },
  ];
}

function byLayer(names: readonly string[]): readonly (readonly string[])[] {
  const groups = new Map<number, string[]>();
  for (const name of names) {
    const layer = layerOf(name) ?? -1;
    const group = groups.get(layer) ?? [];
    groups.set(layer, group);
    group.push(name);
  }
  return [...groups.values()];
}

/** What holds of whole tensors first, then relations solved from the values, then mistakes that are tried. */
async function diagnoseGroup(
  pair: Pair,
  wrong: Set<string>,
  { config, budget }: Work,
): Promise<readonly Diagnosis[]> {
  const found: Diagnosis[] = [];
  for (const name of wrong) {
    if (pair.isReadable(name)) continue;
    wrong.delete(name);
    found.push(await ofShape(pair, name, config));
  }
  found.push(...(await roundedOnes(pair, wrong)));
  found.push(...(await transposedOnes(pair, wrong)));
  found.push(...(await zeroBiases(pair, wrong)));
  found.push(...(await untiedHead(pair, wrong)));
  found.push(...(await heldByOthers(pair, wrong)));
  found.push(...(await castOnes(pair, wrong)));
  found.push(...(await relatedOnes(pair, wrong, config)));
  found.push(...(await searchPair(pair, wrong, config, budget)));
  found.push(...(await fusedOrder(pair, wrong, config)));
  for (const name of wrong) {
    await budget.giveWay();
    found.push(await judgeAlone(pair, name));
  }
  return found;
}

async function ofShape(
  pair: Pair,
  name: string,
  config: ModelConfig | undefined,
): Promise<Diagnosis> {
  const { ours, reference } = pair;
  const [left, right] = [ours.get(name)?.shape ?? [], reference.get(name)?.shape ?? []];
  const largest = Math.max(...[left, right].map((shape) => elementCount(shape) ?? Infinity));
  if (largest <= MAX_ELEMENTS) {
    const [a, b] = [await pair.readOurs(name), await pair.readReference(name)];
    const relation = relate(a, b, config, pair.dtypeOf(name));
    if (relation !== undefined) return related(name, relation);
  }
  const isTransposed = left.length === 2 && sameShape(left.toReversed(), right);
  return {
    cause: isTransposed ? "transposed" : "undetermined",
    tensors: [name],
    ...commonLayer([name]),
    evidence: `its shape is [${left.join(", ")}], on the other side [${right.join(", ")}]`,
  };
}
