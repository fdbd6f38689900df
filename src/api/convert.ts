import type { CastCounts } from "../convert/values/cast.ts";
import { planOutputs, type Outputs } from "../convert/outputs.ts";
import { refuseExpansion } from "../convert/expansion.ts";
import { droppedMetadata, fileMetadata } from "../convert/metadata.ts";
import { runConversion, totalCast } from "../convert/run.ts";
import type { TensorOutcome } from "../convert/write/file.ts";
import { deltaName } from "../mapping/delta-plan.ts";
import type { LayoutEvidence } from "../mapping/layout.ts";
import { planConversion, type Plan } from "../mapping/plan.ts";
import { renderPlan } from "../mapping/render-plan.ts";
import { sourceName } from "../mapping/source-groups.ts";
import type { LinearLayout } from "../model/parameter.ts";
import type { Dtype } from "../tensor/dtype.ts";
import { byteCount } from "../tensor/shape.ts";
import type { Weakened } from "../options/weakening.ts";
import { runOptions, weakenedConversion, type ConvertOptions } from "./convert-options.ts";
import { openParts, runParts, type Done, type PartsStep } from "./convert-parts.ts";
import { openDelta, type OpenedDelta } from "./delta.ts";
import { manifestText, summedDigest, writtenDigest, type SumFacts } from "../convert/manifest.ts";
import { asStoredNote, openModel, type OpenedModel } from "../session/open-model.ts";
import { refuseOtherCopies } from "./same-values.ts";
import { sideFiles } from "./side-files.ts";

export type { ConvertOptions } from "./convert-options.ts";
export type { PartsStep } from "./convert-parts.ts";

/** One tensor of the result. */
export interface ConvertedTensor {
  readonly from: readonly string[];
  readonly to: string;
  readonly action: "copy" | "transpose" | "split" | "merge" | "cast" | "add";
  readonly why: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Null in a dry run and where a plan is made. */
  readonly sha256: string | null;
}

/** What a conversion wrote, or would write. */
export interface ConvertResult {
  /** What was done of a conversion in parts; undefined for one that is not split. */
  readonly step: PartsStep | undefined;
  readonly tensors: readonly ConvertedTensor[];
  readonly dropped: readonly { readonly name: string; readonly why: string }[];
  /** Groups of names that shared a storage in the source. */
  readonly tied: readonly (readonly string[])[];
  readonly files: readonly string[];
  readonly sourceLayout: LinearLayout | "unknown";
  readonly layoutEvidence: readonly LayoutEvidence[];
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** True when the output was read back and its digests were right. */
  readonly verified: boolean;
  /** Elements that a cast made infinite or zero. */
  readonly cast: CastCounts;
  readonly weightsSha256: string | null;
  /** What the result is the sum of; null without a delta and in a dry run. */
  readonly sum: SumFacts | null;
  readonly seconds: number;
  /** Highest resident memory of this process, in bytes. */
  readonly peakMemoryBytes: number;
  /** Checks that the options gave up; in the manifest, too. */
  readonly weakened: readonly Weakened[];
  /** What the user should know; one sentence each. */
  readonly notes: readonly string[];
  /** The plan for people; what `--dry-run` prints. */
  readonly plan: string;
}

/**
 * Converts a checkpoint of any format into a folder that the target's users can load. The source is only read; the target is
 * complete or untouched (see `runConversion`).
 * @throws WbError of the readers, WB27xx, WB37xx, WB1901, WB2901–WB2905, WB3901, WB3902, WB4901, WB4902, WB5901, WB6001, WB6002, WB9001.
 */
export async function convert(
  source: string,
  target: string,
  options: ConvertOptions = {},
): Promise<ConvertResult> {
  const begin = performance.now();
  const parts = await openParts(options);
  const chosen = parts?.options ?? options;
  const work = await openWork(source, chosen);
  try {
    const { checkpoint } = work.model;
    const { targetLayout } = work.plan;
    const layout = targetLayout === "unknown" ? undefined : targetLayout;
    const metadata = fileMetadata(checkpoint, layout);
    const to = chosen.to ?? "safetensors";
    const outputs = planOutputs(work.plan, to, chosen.maxShardSize, metadata);
    if (chosen.allowExpansion !== true) refuseExpansion(outputs.tensors);
    const done =
      parts === undefined
        ? await convertWhole(work, outputs, target, chosen)
        : await runParts(parts, { model: work.model, outputs, target });
    return resultOf(work, done, chosen, (performance.now() - begin) / 1000);
  } finally {
    await closeWork(work);
  }
}

/** What is converted, opened and planned. */
interface Work {
  readonly model: OpenedModel;
  readonly plan: Plan;
  readonly added: OpenedDelta | undefined;
}

async function openWork(source: string, options: ConvertOptions): Promise<Work> {
  const { architecture, selection, signal, layout, dtype, sourceLayout } = options;
  const model = await openModel(source, { architecture, selection, signal });
  try {
    const { transpose, keep } = options;
    const asStored = architecture === "none";
    const to = options.to ?? "safetensors";
    const planOptions = { to, layout, dtype, sourceLayout, transpose, keep, asStored };
    if (options.delta === undefined) {
      const plan = planConversion(model.checkpoint, model.config, planOptions);
      if (plan.copies !== undefined) await refuseOtherCopies(plan.copies, signal);
      return { model, plan, added: undefined };
    }
    const added = await openDelta(model, options.delta, planOptions, { architecture, signal });
    return { model, plan: added.plan, added };
  } catch (error) {
    await model.checkpoint.close();
    throw error;
  }
}

async function closeWork({ model, added }: Work): Promise<void> {
  await added?.delta.checkpoint.close();
  await model.checkpoint.close();
}

async function convertWhole(
  { model, added }: Work,
  outputs: Outputs,
  target: string,
  options: ConvertOptions,
): Promise<Done> {
  if (options.dryRun === true) return { outputs, outcomes: undefined, step: undefined };
  const files = await sideFiles(
    added?.found ?? model,
    added?.tokenizerFolder ?? model.folder,
    outputs,
  );
  const sources = [...model.checkpoint.files, ...(added?.delta.checkpoint.files ?? [])];
  const outcomes = await runConversion(outputs, {
    ...runOptions(sources, target, options),
    sideFiles: files,
    manifest: (all) =>
      manifestText(outputs, all, sumFacts(added, outputs, all), weakenedConversion(options)),
    resume: options.resume ?? false,
  });
  return { outputs, outcomes, step: undefined };
}

function sumFacts(
  added: OpenedDelta | undefined,
  outputs: Outputs,
  outcomes: ReadonlyMap<string, TensorOutcome>,
): SumFacts | undefined {
  if (added === undefined) return undefined;
  const { name, dtype, newRows } = added.plan.recipe;
  return {
    recipe: name,
    dtype,
    newRows,
    newWords: added.plan.newWords,
    baseWeightsSha256: summedDigest(outputs, outcomes, "base"),
    deltaWeightsSha256: summedDigest(outputs, outcomes, "delta"),
  };
}

function resultOf(
  { model, plan, added }: Work,
  { outputs, outcomes, step }: Done,
  options: ConvertOptions,
  seconds: number,
): ConvertResult {
  const dropped = plan.steps.flatMap((one) =>
    one.kind === "drop" ? one.from.map((name) => ({ name, why: one.why })) : [],
  );
  const skipped = [
    ...model.checkpoint.skipped,
    ...(added?.delta.checkpoint.skipped ?? []),
    ...droppedMetadata(model.checkpoint.metadata, options.to ?? "safetensors"),
  ];
  const isPart = step?.kind === "part";
  return {
    step,
    tensors: outputs.tensors.map(({ name, dtype, shape, step: made }) => ({
      from: made.from,
      to: name,
      action: made.kind === "copy" && made.cast !== undefined ? "cast" : made.kind,
      why: made.why,
      dtype,
      shape,
      sha256: outcomes?.get(name)?.sha256 ?? null,
    })),
    dropped: [...dropped, ...skipped],
    tied: plan.tied,
    files:
      outputs.index === undefined ? filesOf(outputs) : [...filesOf(outputs), outputs.index.name],
    sourceLayout: plan.sourceLayout,
    layoutEvidence: plan.evidence,
    bytesRead:
      outcomes === undefined
        ? 0
        : isPart
          ? windowBytes(outputs)
          : sourceBytes({ model, plan, added }),
    bytesWritten:
      outcomes === undefined ? 0 : outputs.tensors.reduce((sum, one) => sum + one.byteLength, 0),
    verified: outcomes !== undefined && (options.verify ?? true),
    cast: outcomes === undefined ? { overflow: 0, underflow: 0 } : totalCast(outcomes),
    weightsSha256: outcomes === undefined || isPart ? null : writtenDigest(outputs, outcomes),
    sum: outcomes === undefined ? null : (sumFacts(added, outputs, outcomes) ?? null),
    seconds,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    weakened: weakenedConversion(options),
    notes: [...notesOf(model, plan), ...(added?.notes ?? [])],
    plan: renderPlan(plan, skipped),
  };
}

/** What opening said, and what was decided without a description of the model. */
function notesOf(model: OpenedModel, plan: Plan): readonly string[] {
  if (plan.notes === undefined) return model.notes;
  const notes = model.notes.filter((note) => note !== asStoredNote(model.folder));
  return [
    ...notes,
    `the model is not known: brought to ${plan.targetLayout === "paddle" ? "Paddle" : "torch"}'s layout by what shapes, names and biases show (--architecture none takes it as stored)`,
    ...plan.notes,
  ];
}

function filesOf(outputs: Outputs): readonly string[] {
  return outputs.files.map(({ name }) => name);
}

/** Bytes of all source tensors that a step writes from. */
function sourceBytes({ model, plan, added }: Work): number {
  const dropped = new Set(plan.steps.flatMap((step) => (step.kind === "drop" ? step.from : [])));
  const ofBase = model.checkpoint.tensors.filter((tensor) => !dropped.has(sourceName(tensor)));
  const ofDelta = (added?.delta.checkpoint.tensors ?? []).filter(
    (tensor) => !dropped.has(deltaName(sourceName(tensor))),
  );
  return [...ofBase, ...ofDelta].reduce(
    (sum, { shape, dtype }) => sum + (byteCount(shape, dtype) ?? 0),
    0,
  );
}

/** Bytes of the source that the tensors of some files are made of. */
function windowBytes(outputs: Outputs): number {
  return outputs.tensors.reduce((sum, { step: { assembly } }) => {
    return sum + (byteCount(assembly.shape, assembly.dtype) ?? 0);
  }, 0);
}
