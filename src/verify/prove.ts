import type { ImportanceMatrix } from "../formats/gguf/importance/importance-matrix.ts";
import type { Assembly } from "../mapping/assembly.ts";
import { openModel, requireConfig, type OpenedModel } from "../session/open-model.ts";
import { lenientTensors, structureOf, type Structure } from "./diagnose/structure.ts";
import type { Diagnosis } from "./diagnose/diagnosis.ts";
import { inputsOf, otherInputs, type InputFile } from "./inputs.ts";
import {
  givenMatrix,
  matrixInputs,
  withMatrix,
  type GivenMatrix,
} from "./quantised/given-matrix.ts";
import { howToJudge } from "./quantised/how-to-judge.ts";
import { judgeModel, type ModelJudgement } from "./quantised/judge-model.ts";
import type { BlockPlace } from "./quantised/judgement.ts";
import type { PlainJudgement } from "./quantised/judge-plain.ts";
import { settingDifferences } from "./quantised/settings.ts";
import {
  layersOf,
  shown,
  unexplainedCount,
  type LayerLoss,
  type QuantisedTensor,
} from "./quantised/summary.ts";
import { compareFolders } from "./tokenizers/folder.ts";

export interface ProveOptions {
  /** Asks for the very bytes of every block that can be made again, whatever machine they were made on. */
  readonly bytes?: boolean | undefined;
  /** The importance matrix that the file was made with, in either of llama.cpp's forms. */
  readonly imatrix?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told how many bytes of the quantised file were judged. */
  readonly onProgress?: (done: number, total: number, tensor: string) => void;
}

/** Whether a quantised file is what quantising its original gives, by weights, settings and tokenizer alone: nothing is run. */
export interface ProofResult {
  readonly verdict: "pass" | "fail";
  readonly model: string;
  readonly original: string;
  readonly architecture: string;
  /** Whether the file names an importance matrix, or one was given: then scales fit the numbers that matter. */
  readonly importanceMatrix: boolean;
  /** The matrix that was given. */
  readonly imatrix: GivenMatrix | null;
  readonly blocks: Readonly<Record<"total" | "identical" | "rounded" | "unexplained", number>>;
  readonly tensors: readonly QuantisedTensor[];
  /** Tensors that are not quantised. */
  readonly plain: readonly PlainJudgement[];
  readonly layers: readonly LayerLoss[];
  /** Blocks that the original does not explain. */
  readonly unexplained: readonly BlockPlace[];
  /** Explained blocks with other bytes in tensors that are this quantiser's for the most part. */
  readonly otherScales: readonly BlockPlace[];
  /** What else is wrong: settings, tokenizer, tensors on one side alone. */
  readonly diagnosis: readonly Diagnosis[];
  readonly failures: readonly string[];
  readonly inputs: readonly InputFile[];
  readonly seconds: number;
  readonly peakMemoryBytes: number;
  readonly notes: readonly string[];
}

/**
 * Proves that a quantised file was made from an original: both are streamed once, and each block is held against its numbers.
 * @throws WbError of the readers; WB3513 for what is no importance matrix.
 */
export async function prove(
  path: string,
  original: string,
  options: ProveOptions = {},
): Promise<ProofResult> {
  const begin = performance.now();
  const { signal, imatrix } = options;
  return withMatrix(imatrix, async (matrix) => {
    const ours = await openModel(path, { signal });
    try {
      const theirs = await openModel(original, { signal });
      try {
        return await proveOpened(ours, theirs, matrix, options, begin);
      } finally {
        await theirs.checkpoint.close();
      }
    } finally {
      await ours.checkpoint.close();
    }
  });
}

async function proveOpened(
  ours: OpenedModel,
  theirs: OpenedModel,
  matrix: ImportanceMatrix | undefined,
  options: ProveOptions,
  begin: number,
): Promise<ProofResult> {
  const { path } = ours.checkpoint;
  const config = requireConfig(ours);
  const reference = theirs.config ?? config;
  const [left, right] = [
    structureOf(lenientTensors(ours.checkpoint, config), config, path),
    structureOf(lenientTensors(theirs.checkpoint, reference), reference, theirs.checkpoint.path),
  ];
  const total = quantisedBytes(ours, left);
  let done = 0;
  const how = howToJudge(ours.checkpoint.metadata, right.tensors, matrix, options.signal);
  const judgement = await judgeModel(left.tensors, right.tensors, {
    ...how,
    onBytes: (count, tensor) => {
      done += count;
      options.onProgress?.(done, total, tensor);
    },
  });
  const tokenizers = await compareFolders(ours.folder, theirs.folder);
  const diagnosis = [
    ...left.diagnoses,
    ...right.diagnoses,
    ...settingDifferences(config, reference),
    ...tokenizers.diagnoses,
  ];
  const otherScales = judgement.quantised.flatMap((tensor) => tensor.otherScales);
  const failures = failuresOf(judgement, diagnosis, options.bytes === true);
  const sum = (of: (tensor: QuantisedTensor) => number): number =>
    judgement.quantised.reduce((count, tensor) => count + of(shown(tensor)), 0);
  return {
    verdict: failures.length === 0 ? "pass" : "fail",
    model: path,
    original: theirs.checkpoint.path,
    architecture: config.architecture,
    importanceMatrix: how.isWeighted,
    imatrix: givenMatrix(matrix),
    blocks: {
      total: sum(({ blocks }) => blocks),
      identical: sum(({ identical }) => identical),
      rounded: sum(({ rounded }) => rounded),
      unexplained: sum(({ unexplained }) => unexplained),
    },
    tensors: judgement.quantised.map(shown),
    plain: judgement.plain,
    layers: layersOf(judgement.quantised),
    unexplained: judgement.quantised.flatMap(({ places }) => places),
    otherScales,
    diagnosis,
    failures,
    inputs: [...(await inputsOf(ours)), ...otherInputs(theirs), ...matrixInputs(matrix)],
    seconds: (performance.now() - begin) / 1000,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    notes: [...ours.notes, ...theirs.notes, ...tokenizers.notes],
  };
}

function quantisedBytes({ checkpoint }: OpenedModel, { tensors }: Structure): number {
  const used = new Set(
    [...tensors.values()].flatMap(({ parts }: Assembly) =>
      parts.map(({ tensor }) => tensor.storedName ?? tensor.name),
    ),
  );
  const stored = new Map(
    checkpoint.tensors.map((tensor) => [
      tensor.storedName ?? tensor.name,
      tensor.quantised?.byteLength ?? 0,
    ]),
  );
  return [...stored].reduce((sum, [name, bytes]) => sum + (used.has(name) ? bytes : 0), 0);
}

function failuresOf(
  judgement: ModelJudgement,
  diagnosis: readonly Diagnosis[],
  needsBytes: boolean,
): readonly string[] {
  const { quantised, plain, unjudged } = judgement;
  const blocks = quantised.reduce((sum, { unexplained }) => sum + unexplained, 0);
  const wrong = unexplainedCount(judgement);
  const others = quantised.reduce(
    (sum, { isRequantised, rounded }) => sum + (isRequantised ? rounded : 0),
    0,
  );
  return [
    ...counted(
      wrong,
      "tensor is not what quantising the original gives",
      "tensors are not what quantising the original gives",
    ),
    ...counted(
      blocks,
      "block is not explained by the original",
      "blocks are not explained by the original",
    ),
    ...plain.flatMap(({ name, differing, firstIndex }) =>
      counted(differing, "element is not the original's", "elements are not the original's").map(
        (text) => `${name}: ${text}, the first at ${firstIndex ?? 0}`,
      ),
    ),
    ...unjudged.map(({ name, why }) => `${name}: ${why}`),
    ...counted(
      needsBytes ? others : 0,
      "block is explained by rounding, but not to the byte, as --bytes asks",
      "blocks are explained by rounding, but not to the byte, as --bytes asks",
    ),
    ...diagnosis.map(({ evidence }) => evidence),
  ];
}

/** A failure that is counted; none where there is none of it. */
function counted(count: number, one: string, many: string): readonly string[] {
  return count === 0 ? [] : [`${count} ${count === 1 ? one : many}`];
}
