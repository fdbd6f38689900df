import { isBias, parameterOf } from "../../../model/canonical-names.ts";
import { layerOf } from "../../../model/layer-number.ts";
import type { ModelConfig } from "../../../model/config/model-config.ts";
import type { Assembly } from "../../../mapping/assembly.ts";
import { elementCount, sameShape } from "../../../tensor/shape.ts";
import type { TensorDiff } from "../../compare/diff-checkpoints.ts";
import { movedTensors } from "../../relate/moved.ts";
import { relate } from "../../relate/relate.ts";
import type { Relation } from "../../relate/relation.ts";
import { commonLayer, type Diagnosis } from "../diagnosis.ts";
import { mergeDiagnoses } from "../merge-diagnoses.ts";
import { judgeAlone } from "./pair-alone.ts";
import { withoutCommuting } from "./commuting.ts";
import { castBetween } from "./pair-cast.ts";
import { fusedOrder } from "./pair-fused.ts";
import { heldByOthers, untiedHead } from "./pair-moved.ts";
import { searchPair } from "./pair-search.ts";
import { joinVersions } from "./pair-versions.ts";
import { MAX_ELEMENTS, Pair, type Tensors } from "./pair.ts";
import { SearchBudget } from "../golden/search.ts";
import { reinterpreted, sameValues } from "../hypotheses/tensor-edits.ts";

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
  const reversed = new Pair(reference, ours, signal);
  const moved = await movedTensors(ours, reference, diffs, signal);
  const left = diffs.filter(({ name }) => !moved.explained.has(name));
  const found: Diagnosis[] = [...moved.diagnoses, ...oneSided(left)];
  const wrong = left.filter(({ class: kind }) => kind === "differ" || kind === "withinTolerance");
  const work: Work = { config, budget: new SearchBudget(TRIES, signal) };
  for (const group of byLayer(wrong.map(({ name }) => name))) {
    for (const one of await diagnoseGroup(pair, new Set(group), work))
      found.push(isUnexplained(one) ? await otherWay(reversed, one, work) : one);
    pair.forget();
    reversed.forget();
  }
  return mergeDiagnoses(joinVersions(withoutCommuting(found, config), [...ours.keys()]));
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

/** Matrices that were rounded: told by their values alone, before anything is tried on them. */
async function castOnes(pair: Pair, wrong: Set<string>): Promise<readonly Diagnosis[]> {
  const found: Diagnosis[] = [];
  for (const name of wrong) {
    const dtype = pair.ours.get(name)?.dtype;
    const [ours, reference] = [await pair.readOurs(name), await pair.readReference(name)];
    const evidence = ours.shape.length < 2 ? undefined : castBetween(ours, reference, dtype);
    if (evidence === undefined) continue;
    wrong.delete(name);
    found.push({ cause: "cast", tensors: [name], ...commonLayer([name]), evidence });
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
    const relation = relate(a, b, config, ours.get(name)?.dtype);
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

function related(name: string, relation: Relation): Diagnosis {
  return {
    cause: relation.cause,
    tensors: [name],
    ...commonLayer([name]),
    evidence: relation.text,
    relation: relation.relation,
    claims: [{ tensor: name, ...relation.claim }],
    ...(relation.isHarmless ? { harmless: true } : {}),
  };
}

/** What a tensor was found to be of the one beside it. */
interface Solved {
  readonly beside: Assembly | undefined;
  readonly relation: Relation | undefined;
}

async function relatedOnes(
  pair: Pair,
  wrong: Set<string>,
  config: ModelConfig | undefined,
): Promise<readonly Diagnosis[]> {
  const found: Diagnosis[] = [];
  // A tied head is the embeddings again, on both sides.
  const solved = new Map<Assembly, Solved>();
  for (const name of wrong) {
    const [left, beside] = [pair.ours.get(name), pair.reference.get(name)];
    if (left === undefined) continue;
    const known = solved.get(left);
    const relation =
      known?.beside === beside ? known?.relation : await relatedOne(pair, name, config);
    solved.set(left, { beside, relation });
    if (relation === undefined) continue;
    wrong.delete(name);
    found.push(related(name, relation));
  }
  return found;
}

async function relatedOne(
  pair: Pair,
  name: string,
  config: ModelConfig | undefined,
): Promise<Relation | undefined> {
  const [ours, reference] = [await pair.readOurs(name), await pair.readReference(name)];
  const axes = config === undefined ? undefined : parameterOf(name, config)?.axes;
  return relate(ours, reference, config, pair.ours.get(name)?.dtype, axes);
}

async function transposedOnes(pair: Pair, wrong: Set<string>): Promise<readonly Diagnosis[]> {
  const transposed: string[] = [];
  for (const name of wrong) {
    const { shape } = pair.ours.get(name) ?? { shape: [] };
    if (shape.length !== 2) continue;
    const [ours, reference] = [await pair.readOurs(name), await pair.readReference(name)];
    if (sameValues(reinterpreted(ours), reference)) transposed.push(name);
  }
  for (const name of transposed) wrong.delete(name);
  if (transposed.length === 0) return [];
  return [
    {
      cause: "transposed",
      tensors: transposed,
      ...commonLayer(transposed),
      evidence: "stored as [in, out]; transposed, the values are those of the other side",
      claims: transposed.map((tensor) => ({ tensor, kind: "transposed" })),
      after: 0,
    },
  ];
}

async function zeroBiases(pair: Pair, wrong: Set<string>): Promise<readonly Diagnosis[]> {
  const zero: string[] = [];
  for (const name of wrong) {
    if (!isBias(name)) continue;
    const [ours, reference] = [await pair.readOurs(name), await pair.readReference(name)];
    const isZero = ours.data.every((value) => value === 0);
    if (isZero && reference.data.some((value) => value !== 0)) zero.push(name);
  }
  for (const name of zero) wrong.delete(name);
  if (zero.length === 0) return [];
  return [
    {
      cause: "bias-missing",
      tensors: zero,
      ...commonLayer(zero),
      evidence: "every element is 0, on the other side they are not",
      claims: zero.map((tensor) => ({
        tensor,
        kind: "stretch",
        begin: 0,
        end: pair.ours.get(tensor)?.shape[0] ?? 0,
        value: 0,
      })),
      after: 0,
    },
  ];
}
