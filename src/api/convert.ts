import type { CastCounts } from "../convert/cast.ts";
import { REAL_FILE_SYSTEM, type FileSystem } from "../convert/file-system.ts";
import { planOutputs, type Outputs } from "../convert/outputs.ts";
import { runConversion, totalCast } from "../convert/run.ts";
import type { TensorOutcome } from "../convert/write-file.ts";
import { deltaName } from "../mapping/delta-plan.ts";
import type { LayoutEvidence } from "../mapping/layout.ts";
import { planConversion, type Plan, type TargetFormat } from "../mapping/plan.ts";
import { renderPlan, targetBytes } from "../mapping/render-plan.ts";
import { sourceName } from "../mapping/source-groups.ts";
import type { CastDtype, LinearLayout } from "../mapping/step.ts";
import type { Dtype } from "../tensor/dtype.ts";
import { byteCount } from "../tensor/shape.ts";
import { openDelta, type DeltaOptions, type OpenedDelta } from "./delta.ts";
import { manifestText, summedDigest, writtenDigest, type SumFacts } from "./manifest.ts";
import { openModel, type OpenedModel } from "./open-model.ts";
import { sideFiles } from "./side-files.ts";

export interface ConvertOptions {
  /** Default "safetensors". */
  readonly to?: TargetFormat | undefined;
  /** Default: what the target format's users expect. */
  readonly layout?: LinearLayout | undefined;
  readonly dtype?: CastDtype | "keep" | undefined;
  /** Bytes; one file when left out. */
  readonly maxShardSize?: number | undefined;
  /** "none" takes tensors as they lie. */
  readonly architecture?: string | undefined;
  readonly sourceLayout?: LinearLayout | undefined;
  /** Weights to add to the source's: the result is base + delta. */
  readonly delta?: DeltaOptions | undefined;
  readonly dryRun?: boolean;
  readonly resume?: boolean;
  readonly force?: boolean;
  /** Default true: read the output back from the disk and compare digests. */
  readonly verify?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (
    phase: "convert" | "verify",
    done: number,
    total: number,
    item: string,
  ) => void;
  /** The disk; for tests of its failures. */
  readonly fileSystem?: FileSystem;
}

/** One tensor of the result. */
export interface ConvertedTensor {
  readonly from: readonly string[];
  readonly to: string;
  readonly action: "copy" | "transpose" | "split" | "merge" | "cast" | "add";
  readonly why: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Null in a dry run. */
  readonly sha256: string | null;
}

export interface ConvertResult {
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
  /** What the user should know; one sentence each. */
  readonly notes: readonly string[];
  /** The plan for people; what `--dry-run` prints. */
  readonly plan: string;
}

/**
 * Converts a checkpoint of any format into a folder that the target's users can load. The source is only read; the target is
 * complete or untouched (see `runConversion`).
 * @throws WbError of the readers, WB27xx, WB37xx, WB1901, WB2901–WB2904, WB4901, WB6001, WB6002, WB9001.
 */
export async function convert(
  source: string,
  target: string,
  options: ConvertOptions = {},
): Promise<ConvertResult> {
  const begin = performance.now();
  const work = await openWork(source, options);
  try {
    const to = options.to ?? "safetensors";
    const outputs = planOutputs(work.plan, to, options.maxShardSize);
    const outcomes =
      options.dryRun === true ? undefined : await write(work, outputs, target, options);
    return resultOf(work, outputs, outcomes, options, (performance.now() - begin) / 1000);
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
  const { architecture, signal, layout, dtype, sourceLayout } = options;
  const model = await openModel(source, { architecture, signal });
  try {
    const planOptions = { to: options.to ?? "safetensors", layout, dtype, sourceLayout };
    if (options.delta === undefined)
      return {
        model,
        plan: planConversion(model.checkpoint, model.config, planOptions),
        added: undefined,
      };
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

async function write(
  { model, added }: Work,
  outputs: Outputs,
  target: string,
  options: ConvertOptions,
): Promise<ReadonlyMap<string, TensorOutcome>> {
  const files = await sideFiles(
    added?.found ?? model,
    added?.tokenizerFolder ?? model.folder,
    outputs,
  );
  return runConversion(outputs, {
    target,
    sources: [...model.checkpoint.files, ...(added?.delta.checkpoint.files ?? [])],
    sideFiles: files,
    manifest: (outcomes) => manifestText(outputs, outcomes, sumFacts(added, outputs, outcomes)),
    verify: options.verify ?? true,
    force: options.force ?? false,
    resume: options.resume ?? false,
    fileSystem: options.fileSystem ?? REAL_FILE_SYSTEM,
    signal: options.signal,
    onProgress: options.onProgress ?? (() => undefined),
  });
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
  outputs: Outputs,
  outcomes: ReadonlyMap<string, TensorOutcome> | undefined,
  options: ConvertOptions,
  seconds: number,
): ConvertResult {
  const dropped = plan.steps.flatMap((step) =>
    step.kind === "drop" ? step.from.map((name) => ({ name, why: step.why })) : [],
  );
  return {
    tensors: outputs.tensors.map(({ name, dtype, shape, step }) => ({
      from: step.from,
      to: name,
      action: step.kind === "copy" && step.cast !== undefined ? "cast" : step.kind,
      why: step.why,
      dtype,
      shape,
      sha256: outcomes?.get(name)?.sha256 ?? null,
    })),
    dropped: [...dropped, ...model.checkpoint.skipped, ...(added?.delta.checkpoint.skipped ?? [])],
    tied: plan.tied,
    files:
      outputs.index === undefined ? filesOf(outputs) : [...filesOf(outputs), outputs.index.name],
    sourceLayout: plan.sourceLayout,
    layoutEvidence: plan.evidence,
    bytesRead: outcomes === undefined ? 0 : sourceBytes({ model, plan, added }),
    bytesWritten:
      outcomes === undefined ? 0 : plan.steps.reduce((sum, step) => sum + targetBytes(step), 0),
    verified: outcomes !== undefined && (options.verify ?? true),
    cast: outcomes === undefined ? { overflow: 0, underflow: 0 } : totalCast(outcomes),
    weightsSha256: outcomes === undefined ? null : writtenDigest(outputs, outcomes),
    sum: outcomes === undefined ? null : (sumFacts(added, outputs, outcomes) ?? null),
    seconds,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    notes: [...model.notes, ...(added?.notes ?? [])],
    plan: renderPlan(plan),
  };
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
