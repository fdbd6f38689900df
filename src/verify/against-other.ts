import type { Backend } from "../runtime/backends/backend.ts";
import { compareFolders } from "./tokenizers/folder.ts";
import { findTokenizer, openTokenizer } from "../runtime/tokenizer/tokenizer.ts";
import type { Diagnosis } from "./diagnose/diagnosis.ts";
import { diagnosePair } from "./diagnose/pair/pair-diagnosis.ts";
import { diffTensors, type TensorDiff } from "./compare/diff-checkpoints.ts";
import { parityOfModels, type NamedPrompt, type Parity } from "./compare/parity.ts";
import type { ComputeKind } from "./compare/tolerance.ts";
import { coarserCompute } from "./golden/arithmetic.ts";
import { configDifferences, hiddenSettings, visibleSettings } from "./config-differences.ts";
import { damagedDiagnoses, withDamaged } from "./damaged.ts";
import { ownCast } from "./own-cast.ts";
import { isReordered } from "./reordered.ts";
import { DEFAULT_PROMPTS, idPrompts } from "./prompts.ts";
import { againstQuantised, quantisedPair } from "./against-quantised.ts";
import { matrixInputs } from "./quantised/given-matrix.ts";
import type { QuantisationSummary } from "./quantised/summary.ts";
import { WbError } from "../errors/wb-error.ts";
import type { Prompt } from "../session/prompts.ts";
import { refuseUnmatchedInBoth } from "../session/unmatched.ts";
import { otherInputs, type InputFile } from "./inputs.ts";
import { openBench, type Bench } from "./subject.ts";
import { zeroBiasesAsNone } from "./zero-biases.ts";

/** Two checkpoints' tensors side by side. */
export interface WeightsSummary {
  readonly compared: number;
  /** Tensors that differ beyond what rounding to the coarser dtype explains, or are on one side only. */
  readonly wrong: number;
  /** Tensors that differ only as rounding to the coarser dtype explains. */
  readonly rounded: number;
  /** What relates tensors that differ in a way that changes nothing: repeated heads, padding. */
  readonly harmless: readonly string[];
  /** The most different first. */
  readonly worst: readonly TensorDiff[];
}

/** What came of running two checkpoints in step. */
export interface OtherOutcome {
  /** Undefined where one of them cannot run. */
  readonly parity: Parity | undefined;
  readonly weights: WeightsSummary | undefined;
  /** What both were run on. */
  readonly prompts: readonly NamedPrompt[];
  readonly diagnoses: readonly Diagnosis[];
  /** What is to be known of both tokenizers. */
  readonly notes: readonly string[];
  /** Texts that both tokenizers were asked for. */
  readonly texts: number;
  /** Files of the other side. */
  readonly inputs: readonly InputFile[];
  /** What rounding explains, where one side is a quantisation of the other; then no gate on logits decides. */
  readonly quantisation?: QuantisationSummary;
  /** Why it fails, where that is not what the logits say. */
  readonly failures?: readonly string[];
}

/** Tensors that a result lists. */
const LISTED = 10;

/** Runs another checkpoint in step with a model, and compares their tensors. @throws WbError WB2912 for a matrix where neither is quantised. */
export async function verifyOther(
  bench: Bench,
  path: string,
  backend: Backend,
  prompts: readonly Prompt[] | undefined,
  compareWeights: boolean,
): Promise<OtherOutcome> {
  const other = await openBench(path, backend, bench.options, bench.laboratory.config);
  try {
    refuseUnmatchedInBoth(bench.model, other.model);
    const { matrix } = bench.options;
    const pair = quantisedPair(bench, other);
    if (matrix !== undefined && pair === undefined)
      throw new WbError("WB2912", `${matrix.path}: neither model has quantised blocks`, {
        details: { path: matrix.path },
      });
    const { config } = bench.laboratory;
    const hidden = hiddenSettings(config, other.laboratory.config);
    const visible = visibleSettings(config, other.laboratory.config);
    const run = await promptsFor(bench, prompts, other.laboratory.config.vocabSize);
    const tokenizers = await compareFolders(bench.folder, other.folder);
    const { texts } = tokenizers;
    const notes = [...other.passedOver, ...tokenizers.notes];
    if (pair !== undefined) {
      const outcome = await againstQuantised(pair, backend, run);
      const agrees = outcome.settings?.passes === true;
      return {
        parity: outcome.parity,
        weights: {
          compared: outcome.compared,
          wrong: outcome.wrong,
          rounded: outcome.summary.tensors.length,
          harmless: [],
          worst: [],
        },
        prompts: run,
        notes,
        texts,
        diagnoses: [
          ...outcome.diagnoses,
          ...configDifferences(agrees ? hidden : [...visible, ...hidden]),
          ...tokenizers.diagnoses,
          ...turnedThere(other),
        ],
        inputs: [...otherInputs(other.model), ...matrixInputs(matrix)],
        quantisation: outcome.summary,
        failures: outcome.failures,
      };
    }
    const sameHead = config.encoder?.head === other.laboratory.config.encoder?.head;
    const { parity: options } = bench.options;
    const parityBy = async (compute: ComputeKind): Promise<Parity> =>
      parityOfModels(bench.laboratory, other.laboratory, run, { ...options, compute });
    const exact = other.isComplete && sameHead ? await parityBy(options.compute) : undefined;
    const mustCompare = compareWeights || (exact?.passes !== true && bench.options.diagnose);
    const diffs = mustCompare
      ? await differences(bench.tensors, other.tensors, options.signal)
      : undefined;
    // A checkpoint that was cast on purpose is right where its logits are within the noise of the dtype that it was cast to.
    const cast = exact?.passes === false && diffs !== undefined ? ownCast(diffs) : undefined;
    const parity =
      cast === undefined ? exact : await parityBy(coarserCompute(options.compute, cast));
    const isWrong = parity?.passes !== true || diffs?.some(isWrongClass) === true;
    const related =
      isWrong && diffs !== undefined && bench.options.diagnose
        ? await diagnosePair(bench.tensors, other.tensors, diffs, config, options.signal)
        : [];
    // The logits show whether what should change nothing does: repeated heads need a config that says so.
    const harmless =
      parity?.passes === true
        ? related.filter(
            (diagnosis) => changesNothing(diagnosis) || isReordered(diagnosis, parity, config),
          )
        : [];
    const damaged = isWrong
      ? await damagedDiagnoses(other.tensors, options.signal, { side: "the other side: " })
      : [];
    const causes = withDamaged(
      related.filter((diagnosis) => !harmless.includes(diagnosis)),
      damaged,
    );
    const weights = diffs === undefined ? undefined : summarize(diffs, harmless);
    return {
      parity,
      weights,
      prompts: run,
      notes,
      texts,
      diagnoses: [
        ...causes,
        // What a coarser noise hides is told all the same.
        ...configDifferences(exact?.passes === true ? hidden : [...visible, ...hidden]),
        ...tokenizers.diagnoses,
        ...turnedThere(other),
      ],
      inputs: otherInputs(other.model),
    };
  } finally {
    await other.close();
  }
}

async function differences(
  left: Bench["tensors"],
  right: Bench["tensors"],
  signal: AbortSignal | undefined,
): Promise<readonly TensorDiff[]> {
  return zeroBiasesAsNone(await diffTensors(left, right, { signal }), left, right, signal);
}

/** What the logits, which agree, bear out: repeated heads, padding, values rounded to another float dtype. */
function changesNothing({ harmless, cause }: Diagnosis): boolean {
  return harmless === true || cause === "cast";
}

function isWrongClass({ class: kind }: TensorDiff): boolean {
  return kind === "differ" || kind === "onlyLeft" || kind === "onlyRight";
}

function summarize(diffs: readonly TensorDiff[], harmless: readonly Diagnosis[]): WeightsSummary {
  const explained = new Set(harmless.flatMap(({ tensors }) => tensors));
  const wrong = diffs.filter((diff) => isWrongClass(diff) && !explained.has(diff.name));
  const worst = wrong.toSorted(
    (left, right) => (right.maxAbs ?? Infinity) - (left.maxAbs ?? Infinity),
  );
  const rounded = diffs.filter(({ class: kind }) => kind === "withinTolerance").length;
  return {
    compared: diffs.length,
    wrong: wrong.length,
    rounded,
    harmless: harmless.map(({ tensors, evidence }) => `${tensors.join(", ")}: ${evidence}`),
    worst: worst.slice(0, LISTED),
  };
}

/** What the reference's own names and shapes show to be wrong. */
function turnedThere({ structure, path }: Bench): readonly Diagnosis[] {
  return structure.map((diagnosis) => ({
    ...diagnosis,
    evidence: `on the other side (${path}): ${diagnosis.evidence}`,
  }));
}

async function promptsFor(
  { folder, laboratory, options }: Bench,
  wanted: readonly Prompt[] | undefined,
  otherVocabSize: number,
): Promise<readonly NamedPrompt[]> {
  const { maxPositions } = laboratory.config;
  const vocabSize = Math.min(laboratory.config.vocabSize, otherVocabSize);
  const found = wanted === undefined ? await findTokenizer(folder, options.tokenizer) : undefined;
  if (wanted === undefined && found === undefined) {
    return idPrompts(vocabSize, maxPositions, BOS_ID).map(named);
  }
  const texts = wanted ?? DEFAULT_PROMPTS.map((text): Prompt => ({ kind: "text", text }));
  const needsTokenizer = texts.some(({ kind }) => kind === "text");
  const tokenizer = needsTokenizer
    ? (found ?? (await openTokenizer(folder, options.tokenizer)))
    : undefined;
  const lists = texts.map((prompt) =>
    prompt.kind === "ids" ? prompt.ids : (tokenizer?.encode(prompt.text) ?? []),
  );
  const isDefaultUsable = lists.every((ids) => ids.every((id) => id < vocabSize));
  if (wanted === undefined && !isDefaultUsable)
    return idPrompts(vocabSize, maxPositions, BOS_ID).map(named);
  const empty = lists.findIndex((ids) => ids.length === 0);
  if (empty >= 0)
    throw new WbError("WB2801", `prompt ${empty}: expected at least one token`, {
      details: { prompt: empty },
    });
  return lists.map((ids, index) => named(ids.slice(0, maxPositions), index));
}

/** The beginning-of-sequence id of every model of the family. */
const BOS_ID = 1;

function named(ids: readonly number[], index: number): NamedPrompt {
  return { name: `prompt.${index}`, ids };
}
