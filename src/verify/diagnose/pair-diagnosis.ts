import { isBias } from "../../model/canonical-names.ts";
import { ATTENTION } from "../../model/network.ts";
import { WbError } from "../../errors/wb-error.ts";
import { readAssembly } from "../../mapping/read-assembly.ts";
import { narrowRows, type Assembly } from "../../mapping/assembly.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import { decodeValues } from "../../tensor/decode.ts";
import { sameShape } from "../../tensor/shape.ts";
import type { HostTensor } from "../compare/model-runner.ts";
import type { TensorDiff } from "../compare/diff-checkpoints.ts";
import { layerOf } from "../../model/canonical-names.ts";
import { commonLayer, type Cause, type Diagnosis } from "./diagnosis.ts";
import { describeCorruption } from "./pair-corruption.ts";
import type { Hypothesis, Read, ReadBits } from "./hypothesis.ts";
import { rereadsOf } from "./reread-hypotheses.ts";
import { layerHypotheses } from "./hypotheses.ts";
import { castBetween } from "./pair-cast.ts";
import { rowShift } from "./row-shift.ts";
import { mergeDiagnoses } from "./merge-diagnoses.ts";
import { assemblyBitsReader } from "./read-bits.ts";
import { SearchBudget } from "./search.ts";
import { EMBEDDINGS, HEAD } from "../../model/network.ts";
import { tableHypotheses } from "./table-hypotheses.ts";
import { movedTensors } from "../relate/moved.ts";
import { relate } from "../relate/relate.ts";
import type { Relation } from "../relate/relation.ts";
import { equalShare, sameValues, sizeOf, reinterpreted } from "./tensor-edits.ts";

type Tensors = ReadonlyMap<string, Assembly>;

/** Time for trying mistakes, in milliseconds. */
const SEARCH_MS = 180_000;

/** Columns of a matrix that a mistake among its rows is tried on before the whole is. */
const THIN_COLUMNS = 8;

/** Largest matrix, in elements, that is looked at whole: a 7B model's embeddings have 4.2e8. */
const MAX_ELEMENTS = 5e8;

/** Causes that move or change rows and elements, so that they show on some columns as on all. */
const BY_ROWS: ReadonlySet<Cause> = new Set([
  "swapped",
  "rotary-permuted",
  "qkv-split-order",
  "row-shifted",
  "dtype-misread",
  "byte-swapped",
]);

/** Both sides of a comparison, decoded when asked for, one layer's worth remembered. */
class Pair {
  readonly ours: Tensors;
  readonly reference: Tensors;
  readonly #firstRows = new Map<string, HostTensor>();
  #cache = new Map<string, HostTensor>();

  constructor(ours: Tensors, reference: Tensors) {
    this.ours = ours;
    this.reference = reference;
  }

  forget(): void {
    this.#cache = new Map();
  }

  readonly readOurs: Read = (name) => this.#read("ours", name);
  readonly readBits: ReadBits = (name) => assemblyBitsReader(this.ours)(name);
  readonly readReference: Read = (name) => this.#read("reference", name);

  /** The first row of a tensor of the reference; the first element of a vector. */
  readonly firstRow = async (name: string): Promise<HostTensor> => {
    const known = this.#firstRows.get(name);
    if (known !== undefined) return known;
    const assembly = this.reference.get(name);
    if (assembly === undefined) throw new WbError("WB7001", `${name} is not in the reference`);
    const first = narrowRows(assembly, 0, 1);
    const values = decodeValues(await readAssembly(first), first.dtype);
    const row = { shape: first.shape, data: Float32Array.from(values ?? []) };
    this.#firstRows.set(name, row);
    return row;
  };

  async #read(side: "ours" | "reference", name: string): Promise<HostTensor> {
    const key = `${side} ${name}`;
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    const assembly = this[side].get(name);
    if (assembly === undefined) throw new WbError("WB7001", `${name} is not in the ${side} side`);
    const values = decodeValues(await readAssembly(assembly), assembly.dtype);
    const tensor = { shape: assembly.shape, data: Float32Array.from(values ?? []) };
    this.#cache.set(key, tensor);
    return tensor;
  }
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
): Promise<readonly Diagnosis[]> {
  const pair = new Pair(ours, reference);
  const reversed = new Pair(reference, ours);
  const moved = await movedTensors(ours, reference, diffs);
  const left = diffs.filter(({ name }) => !moved.explained.has(name));
  const missing = [...moved.diagnoses, ...oneSided(left)];
  const wrong = left.filter(({ class: kind }) => kind === "differ" || kind === "withinTolerance");
  const budget = new SearchBudget(SEARCH_MS);
  const found: Diagnosis[] = [...missing];
  for (const group of byLayer(wrong.map(({ name }) => name))) {
    for (const one of await diagnoseGroup(pair, new Set(group), config, budget)) {
      found.push(
        one.cause === "undetermined" ? await otherWay(reversed, one, config, budget) : one,
      );
    }
    pair.forget();
    reversed.forget();
  }
  return mergeDiagnoses(found);
}

/** What this side does not explain may be wrong on the other. */
async function otherWay(
  reversed: Pair,
  diagnosis: Diagnosis,
  config: ModelConfig | undefined,
  budget: SearchBudget,
): Promise<Diagnosis> {
  const [found] = await diagnoseGroup(reversed, new Set(diagnosis.tensors), config, budget);
  if (found === undefined || found.cause === "undetermined") return diagnosis;
  return { ...found, evidence: `on the other side: ${found.evidence}` };
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

async function diagnoseGroup(
  pair: Pair,
  wrong: Set<string>,
  config: ModelConfig | undefined,
  budget: SearchBudget,
): Promise<readonly Diagnosis[]> {
  const found: Diagnosis[] = [];
  for (const name of wrong) {
    if (!isReadable(pair, name)) {
      wrong.delete(name);
      found.push(await ofShape(pair, name, config));
    }
  }
  found.push(...(await transposedOnes(pair, wrong)));
  found.push(...(await zeroBiases(pair, wrong)));
  const hypotheses = hypothesesFor(pair, wrong, config);
  while (wrong.size > 0 && !budget.isSpent) {
    const best = await bestExplanation(pair, hypotheses, wrong, budget);
    if (best === undefined) break;
    for (const name of best.tensors) wrong.delete(name);
    found.push({
      cause: best.cause,
      tensors: best.tensors,
      ...commonLayer(best.tensors),
      evidence: `${best.mistake}; put right, the values are those of the other side`,
      after: 0,
    });
  }
  for (const name of wrong) found.push(await judgeAlone(pair, name, wrong, config));
  return found;
}

function isReadable({ ours, reference }: Pair, name: string): boolean {
  const [left, right] = [ours.get(name), reference.get(name)];
  if (left === undefined || right === undefined || !sameShape(left.shape, right.shape))
    return false;
  return left.shape.reduce((product, size) => product * size, 1) <= MAX_ELEMENTS;
}

async function ofShape(
  pair: Pair,
  name: string,
  config: ModelConfig | undefined,
): Promise<Diagnosis> {
  const { ours, reference } = pair;
  const [left, right] = [ours.get(name)?.shape ?? [], reference.get(name)?.shape ?? []];
  const sizes = [left, right].map((shape) => shape.reduce((product, size) => product * size, 1));
  if (Math.max(...sizes) <= MAX_ELEMENTS) {
    const [a, b] = [await pair.readOurs(name), await pair.readReference(name)];
    const relation = relate(a, b, config, ours.get(name)?.dtype);
    if (relation !== undefined) return related(name, relation);
  }
  const isTurned = left.length === 2 && sameShape(left.toReversed(), right);
  return {
    cause: isTurned ? "transposed" : "undetermined",
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
    ...(relation.isHarmless ? { harmless: true } : {}),
  };
}

async function transposedOnes(pair: Pair, wrong: Set<string>): Promise<readonly Diagnosis[]> {
  const transposedNames: string[] = [];
  for (const name of wrong) {
    const { shape } = pair.ours.get(name) ?? { shape: [] };
    if (shape.length !== 2) continue;
    const [ours, reference] = [await pair.readOurs(name), await pair.readReference(name)];
    if (sameValues(reinterpreted(ours), reference)) transposedNames.push(name);
  }
  for (const name of transposedNames) wrong.delete(name);
  if (transposedNames.length === 0) return [];
  return [
    {
      cause: "transposed",
      tensors: transposedNames,
      ...commonLayer(transposedNames),
      evidence: "stored as [in, out]; transposed, the values are those of the other side",
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
    },
  ];
}

function hypothesesFor(
  pair: Pair,
  wrong: ReadonlySet<string>,
  config: ModelConfig | undefined,
): readonly Hypothesis[] {
  const names = [...pair.ours.keys()].filter((name) => pair.reference.has(name));
  const dtypeOf = (name: string): Assembly["dtype"] | undefined => pair.ours.get(name)?.dtype;
  const layers = new Set([...wrong].map(layerOf));
  const rereads = [...wrong].flatMap((name) => rereadsOf([name], dtypeOf));
  if (config === undefined) return rereads;
  return [...layers].flatMap((layer) =>
    layer === undefined
      ? [
          ...rereads,
          ...[EMBEDDINGS, HEAD].flatMap((name) =>
            tableHypotheses(name, names, config.vocabSize, dtypeOf),
          ),
        ]
      : layerHypotheses(layer, config, names, dtypeOf),
  );
}

/** Of the mistakes whose undoing gives the reference's values, the one that explains most tensors with the fewest. */
async function bestExplanation(
  pair: Pair,
  hypotheses: readonly Hypothesis[],
  wrong: ReadonlySet<string>,
  budget: SearchBudget,
): Promise<Hypothesis | undefined> {
  let best: Hypothesis | undefined;
  let covered = 0;
  for (const hypothesis of hypotheses) {
    if (budget.isSpent) break;
    const covers = hypothesis.tensors.filter((name) => wrong.has(name)).length;
    const isBetter =
      covers > covered ||
      (covers === covered && covers > 0 && hypothesis.tensors.length < (best?.tensors.length ?? 0));
    if (isBetter && (await explains(pair, hypothesis, wrong))) {
      best = hypothesis;
      covered = covers;
    }
  }
  return best;
}

async function explains(
  pair: Pair,
  hypothesis: Hypothesis,
  wrong: ReadonlySet<string>,
): Promise<boolean> {
  const names = hypothesis.tensors.filter((name) => isReadable(pair, name));
  if (names.length < hypothesis.tensors.length) return false;
  const isThinEnough = BY_ROWS.has(hypothesis.cause) || !touchesColumns(hypothesis);
  if (isThinEnough && !(await holds(pair, hypothesis, wrong, thin))) return false;
  return holds(pair, hypothesis, wrong, (tensor) => tensor);
}

/** o_proj's heads are columns; a transposition needs them all, as exchanged halves may. */
function touchesColumns({ cause, tensors }: Hypothesis): boolean {
  return (
    ["transposed", "corrupt"].includes(cause) ||
    tensors.some((name) => name.includes(ATTENTION.output))
  );
}

async function holds(
  pair: Pair,
  hypothesis: Hypothesis,
  wrong: ReadonlySet<string>,
  part: (tensor: HostTensor) => HostTensor,
): Promise<boolean> {
  const undone = await hypothesis.undo(
    async (name) => part(await pair.readOurs(name)),
    (name) => pair.readBits(name),
  );
  for (const [name, tensor] of undone) {
    // A tensor of another layer that is not among the wrong ones is looked at all the same: a swap has two sides.
    if (!wrong.has(name) && !pair.reference.has(name)) return false;
    // What was read from the stored bits is whole already.
    const reference = await pair.readReference(name);
    const isWhole = tensor.data.length === reference.data.length;
    if (!sameValues(tensor, isWhole ? reference : part(reference))) return false;
  }
  return true;
}

/** The first columns of a matrix; a vector whole. */
function thin(tensor: HostTensor): HostTensor {
  const { rows, columns } = sizeOf(tensor);
  if (tensor.shape.length !== 2 || columns <= THIN_COLUMNS) return tensor;
  const data = new Float32Array(rows * THIN_COLUMNS);
  for (let row = 0; row < rows; row++) {
    const begin = row * columns;
    data.set(tensor.data.subarray(begin, begin + THIN_COLUMNS), row * THIN_COLUMNS);
  }
  return { shape: [rows, THIN_COLUMNS], data };
}

/** What one tensor shows beside its reference when nothing was merely moved. */
async function judgeAlone(
  pair: Pair,
  name: string,
  wrong: ReadonlySet<string>,
  config: ModelConfig | undefined,
): Promise<Diagnosis> {
  const [ours, reference] = [await pair.readOurs(name), await pair.readReference(name)];
  const say = (cause: Diagnosis["cause"], evidence: string, tensors = [name]): Diagnosis => ({
    cause,
    tensors,
    ...commonLayer(tensors),
    evidence,
  });
  const nonFinite = ours.data.reduce((count, value) => count + (Number.isFinite(value) ? 0 : 1), 0);
  if (nonFinite > 0) return say("non-finite", `${nonFinite} elements are NaN or infinite`);
  const other = await heldBy(pair, name, ours);
  if (other !== undefined) {
    const isTied = [EMBEDDINGS, HEAD].includes(name) && [EMBEDDINGS, HEAD].includes(other);
    return isTied
      ? say("tied", `it holds the values of ${other}`)
      : say(
          "swapped",
          `it holds the values of ${other}`,
          wrong.has(other) ? [name, other] : [name],
        );
  }
  const rounding = castBetween(ours, reference, pair.ours.get(name)?.dtype);
  if (rounding !== undefined) return say("cast", rounding);
  const relation = relate(ours, reference, config, pair.ours.get(name)?.dtype);
  if (relation !== undefined) return related(name, relation);
  const shift = rowShift(ours, reference);
  if (shift !== undefined) {
    const isTable = name === EMBEDDINGS || name === HEAD;
    return say(isTable && shift.reachesEnd ? "row-shifted" : "corrupt", shift.evidence);
  }
  const damage = describeCorruption(ours, reference);
  if (damage !== undefined) return say("corrupt", damage);
  return say(
    "undetermined",
    `${Math.round(100 * (1 - equalShare(ours, reference)))} % of its elements differ, in no way that is known`,
  );
}

/** Another tensor of the reference whose values these are. */
async function heldBy(pair: Pair, name: string, ours: HostTensor): Promise<string | undefined> {
  if (ours.data.every((value) => value === ours.data[0])) return undefined;
  for (const [other, { shape }] of pair.reference) {
    if (other === name || !sameShape(shape, ours.shape)) continue;
    // The first row tells nearly all others apart, and is read in no time.
    if (!startsWith(ours, await pair.firstRow(other))) continue;
    if (sameValues(ours, await pair.readReference(other))) return other;
  }
  return undefined;
}

function startsWith({ data }: HostTensor, beginning: HostTensor): boolean {
  return beginning.data.every((value, index) => Object.is(value, data[index]));
}
