import { assemblyOf, wholeView, type Assembly } from "../mapping/assembly.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import { ownName, sourceName } from "../mapping/source-groups.ts";
import type { LinearLayout } from "../model/parameter.ts";
import { byteCount } from "../tensor/shape.ts";
import { damagedDiagnoses, withDamaged } from "./damaged.ts";
import type { Diagnosis } from "./diagnose/diagnosis.ts";
import { diagnosePair } from "./diagnose/pair/pair-diagnosis.ts";
import { lenientTensors } from "./diagnose/structure.ts";
import { tiedOnce } from "./tied-once.ts";
import { diffTensors, type DiffClass, type TensorDiff } from "./compare/diff-checkpoints.ts";
import { refuseUnmatchedInBoth } from "../session/unmatched.ts";
import type { Selection } from "../formats/open.ts";
import { openModel, type OpenedModel } from "../session/open-model.ts";

/** How two checkpoints are compared. */
export interface DiffModelsOptions {
  /** |a − b| that still counts as within tolerance, beside what rounding to the coarser dtype explains; 0 when left out. */
  readonly maxAbs?: number | undefined;
  /** "none" compares tensors by their stored names, as stored. */
  readonly architecture?: string | undefined;
  readonly sourceLayout?: LinearLayout | undefined;
  /** Which of the files' tensors are meant, and under what names; each rule has to fit on one side at least. */
  readonly selection?: Selection | undefined;
  /** Look for the cause of a difference; true when left out. */
  readonly diagnose?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told how far the work is. */
  readonly onProgress?: (done: number, total: number, tensor: string) => void;
}

/** One tensor of two checkpoints, with the cause of a difference where it is known. */
export interface DiffedTensor extends TensorDiff {
  readonly cause?: Diagnosis["cause"];
}

/** How two checkpoints differ, tensor by tensor. */
export interface DiffResult {
  /** True when every tensor is on both sides, with the same values within tolerance. */
  readonly same: boolean;
  readonly summary: Readonly<Record<DiffClass, number>>;
  /** The most different first; those that agree last, in the model's order. */
  readonly tensors: readonly DiffedTensor[];
  readonly diagnosis: readonly Diagnosis[];
  readonly bytesRead: number;
  readonly seconds: number;
  readonly peakMemoryBytes: number;
  readonly notes: readonly string[];
}

/**
 * Compares two checkpoints of any formats, layouts and names tensor by tensor; both are streamed once.
 * @throws WbError of the readers, WB2701, WB2702, WB3701, WB3704.
 */
export async function diff(
  left: string,
  right: string,
  options: DiffModelsOptions = {},
): Promise<DiffResult> {
  const begin = performance.now();
  const { architecture, selection, signal } = options;
  const how = { architecture, selection, signal, lenient: true };
  const ours = await openModel(left, how);
  try {
    const theirs = await openModel(right, how);
    try {
      refuseUnmatchedInBoth(ours, theirs);
      return await diffOpened(ours, theirs, options, begin);
    } finally {
      await theirs.checkpoint.close();
    }
  } finally {
    await ours.checkpoint.close();
  }
}

async function diffOpened(
  ours: OpenedModel,
  theirs: OpenedModel,
  options: DiffModelsOptions,
  begin: number,
): Promise<DiffResult> {
  // A file without config.json is taken to be of the model on the other side.
  const left = tensorsOf(ours, ours.config ?? theirs.config, options.sourceLayout);
  const right = tensorsOf(theirs, theirs.config ?? ours.config, options.sourceLayout);
  const total = bytesOf(left.tensors);
  let done = 0;
  const found = await diffTensors(left.tensors, right.tensors, {
    maxAbs: options.maxAbs,
    signal: options.signal,
    onBytes: (count, name) => {
      done += count;
      options.onProgress?.(done, total, name);
    },
  });
  const oneWay = new Set([
    ...left.transposed.filter((name) => !right.transposed.includes(name)),
    ...right.transposed.filter((name) => !left.transposed.includes(name)),
  ]);
  const diffs = tiedOnce(found, left.tensors, right.tensors).map((tensor) =>
    oneWay.has(tensor.name) ? transposed(tensor) : tensor,
  );
  const config = ours.config ?? theirs.config;
  const wrong = diffs.some(({ class: kind }) => !SAME.includes(kind));
  const causes =
    wrong && options.diagnose !== false
      ? await diagnosePair(
          left.tensors,
          right.tensors,
          diffs.filter(({ name }) => !oneWay.has(name)),
          config,
          options.signal,
        )
      : [];
  const damaged =
    wrong && options.diagnose !== false
      ? [
          ...(await damagedDiagnoses(left.tensors, options.signal)),
          ...(await damagedDiagnoses(right.tensors, options.signal, { side: "the other side: " })),
        ]
      : [];
  const transposedHere = oneWay.size === 0 ? [] : [turnedDiagnosis([...oneWay])];
  const diagnosis = withDamaged([...transposedHere, ...causes], damaged);
  return {
    same: diffs.length > 0 && !wrong,
    summary: summarize(diffs),
    tensors: worstFirst(diffs.map((tensor) => withCause(tensor, diagnosis))),
    diagnosis,
    bytesRead: done + bytesOf(right.tensors),
    seconds: (performance.now() - begin) / 1000,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    notes: [...ours.notes, ...theirs.notes],
  };
}

const SAME: readonly DiffClass[] = ["identical", "equalValues", "withinTolerance"];

interface Side {
  readonly tensors: ReadonlyMap<string, Assembly>;
  /** Tensors that are transposed against the rest of their file. */
  readonly transposed: readonly string[];
}

/** A side's tensors by Hugging Face name; by stored name where there is no config, and for those that the model has not. */
function tensorsOf(
  { checkpoint }: OpenedModel,
  config: ModelConfig | undefined,
  sourceLayout: LinearLayout | undefined,
): Side {
  const stored = new Map(
    checkpoint.tensors.map((tensor) => [sourceName(tensor), assemblyOf(wholeView(tensor))]),
  );
  if (config === undefined) {
    const own = checkpoint.tensors.map((tensor) => ownName(tensor));
    return {
      tensors: new Map([...stored.values()].map((a, index) => [own[index] ?? "", a])),
      transposed: [],
    };
  }
  const {
    tensors,
    otherLayout: names,
    problems,
    misshapen,
  } = lenientTensors(checkpoint, config, sourceLayout);
  const all = new Map(tensors);
  for (const { kind, tensor, sources = [] } of problems) {
    const assembly = misshapen.get(tensor)?.stored ?? stored.get(tensor);
    if (kind !== "missing" && assembly !== undefined) all.set(tensor, assembly);
    // A part of a fused tensor has no name in the file.
    else for (const part of sources) all.set(sourceName(part), assemblyOf(wholeView(part)));
  }
  return { tensors: all, transposed: names };
}

function transposed(tensor: TensorDiff): TensorDiff {
  return { ...tensor, class: "differ", note: "its axes are in the other order on one side" };
}

function turnedDiagnosis(tensors: readonly string[]): Diagnosis {
  const evidence =
    "is transposed against the rest of its file; transposed, it is compared as above";
  return { cause: "transposed", tensors, evidence };
}

function withCause(tensor: TensorDiff, diagnosis: readonly Diagnosis[]): DiffedTensor {
  const named = diagnosis.find(
    ({ cause, tensors }) => cause !== "undetermined" && tensors.includes(tensor.name),
  );
  return named === undefined || SAME.includes(tensor.class)
    ? tensor
    : { ...tensor, cause: named.cause };
}

function summarize(diffs: readonly TensorDiff[]): Readonly<Record<DiffClass, number>> {
  const summary = {
    identical: 0,
    equalValues: 0,
    withinTolerance: 0,
    differ: 0,
    onlyLeft: 0,
    onlyRight: 0,
  };
  for (const { class: kind } of diffs) summary[kind]++;
  return summary;
}

/** Classes from the gravest to the harmless. */
const GRAVITY: readonly DiffClass[] = [
  "differ",
  "onlyLeft",
  "onlyRight",
  "withinTolerance",
  "equalValues",
  "identical",
];

function worstFirst(diffs: readonly DiffedTensor[]): readonly DiffedTensor[] {
  const size = ({ maxAbs }: DiffedTensor): number => maxAbs ?? Number.POSITIVE_INFINITY;
  return diffs.toSorted((left, right) => {
    const gravity = GRAVITY.indexOf(left.class) - GRAVITY.indexOf(right.class);
    if (gravity !== 0 || SAME.slice(0, 2).includes(left.class)) return gravity;
    return size(right) === size(left) ? 0 : size(right) - size(left);
  });
}

function bytesOf(tensors: ReadonlyMap<string, Assembly>): number {
  return [...tensors.values()].reduce(
    (sum, { shape, dtype }) => sum + (byteCount(shape, dtype) ?? 0),
    0,
  );
}
