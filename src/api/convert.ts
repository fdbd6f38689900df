import { join } from "node:path";
import { listPlace, readSmall } from "../checkpoint/places.ts";
import type { CastCounts } from "../convert/cast.ts";
import { REAL_FILE_SYSTEM, type FileSystem } from "../convert/file-system.ts";
import { planOutputs, type Outputs } from "../convert/outputs.ts";
import { runConversion, totalCast, type SideFile } from "../convert/run.ts";
import type { TensorOutcome } from "../convert/write-file.ts";
import { WbError } from "../errors/wb-error.ts";
import { generationConfig, hfConfig } from "../mapping/hf-config.ts";
import type { LayoutEvidence } from "../mapping/layout.ts";
import { planConversion, type CastDtype, type Plan, type TargetFormat } from "../mapping/plan.ts";
import { renderPlan, targetBytes } from "../mapping/render-plan.ts";
import { sourceName } from "../mapping/source-groups.ts";
import type { LinearLayout } from "../mapping/step.ts";
import { weightsDigest } from "../mapping/weights-digest.ts";
import type { Dtype } from "../tensor/dtype.ts";
import { byteCount } from "../tensor/shape.ts";
import { openModel, type OpenedModel } from "./open-model.ts";

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
  readonly action: "copy" | "transpose" | "split" | "merge" | "cast";
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
  const { architecture, signal } = options;
  const model = await openModel(source, { architecture, signal });
  try {
    const to = options.to ?? "safetensors";
    const { layout, dtype, sourceLayout } = options;
    const plan = planConversion(model.checkpoint, model.config, {
      to,
      layout,
      dtype,
      sourceLayout,
    });
    const outputs = planOutputs(plan, to, options.maxShardSize);
    const outcomes =
      options.dryRun === true ? undefined : await write(model, outputs, target, options);
    return resultOf(model, plan, outputs, outcomes, options, (performance.now() - begin) / 1000);
  } finally {
    await model.checkpoint.close();
  }
}

async function write(
  model: OpenedModel,
  outputs: Outputs,
  target: string,
  options: ConvertOptions,
): Promise<ReadonlyMap<string, TensorOutcome>> {
  return runConversion(outputs, {
    target,
    sources: model.checkpoint.files,
    sideFiles: await sideFiles(model, outputs),
    manifest: (outcomes) => manifestText(outputs, outcomes),
    verify: options.verify ?? true,
    force: options.force ?? false,
    resume: options.resume ?? false,
    fileSystem: options.fileSystem ?? REAL_FILE_SYSTEM,
    signal: options.signal,
    onProgress: options.onProgress ?? (() => undefined),
  });
}

/** The config.json that the model was published with; a second conversion carries it on. */
const ORIGINAL_CONFIG = "config.original.json";

/** Files of a tokenizer and of text that go along as they are. */
const CARRIED =
  /^(tokenizer.*|special_tokens_map\.json|added_tokens\.json|vocab\.(json|txt)|merges\.txt|chat_template\.(jinja|json)|LICENSE.*|NOTICE.*)$/;

async function sideFiles(model: OpenedModel, outputs: Outputs): Promise<readonly SideFile[]> {
  const files: SideFile[] = [];
  const names = await listPlace(model.folder);
  for (const name of names.filter((candidate) => CARRIED.test(candidate)).sort()) {
    files.push({ name, content: await sideContent(model.folder, name) });
  }
  const { config, configText } = model;
  if (config === undefined || configText === undefined) return files;
  const generation = names.includes("generation_config.json")
    ? await sideContent(model.folder, "generation_config.json")
    : generationConfig(config);
  files.push(
    { name: "config.json", content: hfConfig(config, mainDtype(outputs)) },
    {
      name: ORIGINAL_CONFIG,
      content: names.includes(ORIGINAL_CONFIG)
        ? await sideContent(model.folder, ORIGINAL_CONFIG)
        : configText,
    },
    { name: "generation_config.json", content: generation },
  );
  return files;
}

/** Largest file that goes along with weights, in bytes: tokenizers of 250 000 pieces have 33 MB. */
const MAX_SIDE_BYTES = 256 * 2 ** 20;

async function sideContent(folder: string, name: string): Promise<Uint8Array> {
  const path = join(folder, name);
  const bytes = await readSmall(path, MAX_SIDE_BYTES);
  if (bytes === undefined)
    throw new WbError("WB3001", `${path}: was there when the folder was listed`);
  return bytes;
}

/** The dtype that most bytes have. */
function mainDtype(outputs: Outputs): Dtype | undefined {
  const bytes = new Map<Dtype, number>();
  for (const { dtype, byteLength } of outputs.tensors)
    bytes.set(dtype, (bytes.get(dtype) ?? 0) + byteLength);
  return [...bytes].sort(([, left], [, right]) => right - left)[0]?.[0];
}

function digestsOf(
  outputs: Outputs,
  outcomes: ReadonlyMap<string, TensorOutcome>,
): ReadonlyMap<string, { dtype: Dtype; shape: readonly number[]; sha256: string }> {
  return new Map(
    outputs.tensors.map(({ name, dtype, shape }) => [
      name,
      { dtype, shape, sha256: outcomes.get(name)?.sha256 ?? "" },
    ]),
  );
}

function manifestText(outputs: Outputs, outcomes: ReadonlyMap<string, TensorOutcome>): string {
  const digests = digestsOf(outputs, outcomes);
  const manifest = {
    schemaVersion: 1,
    weightsSha256: weightsDigest(digests),
    files: outputs.files.map(({ name }) => name),
    tensors: Object.fromEntries(digests),
  };
  return `${JSON.stringify(manifest, undefined, 1)}\n`;
}

function resultOf(
  model: OpenedModel,
  plan: Plan,
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
    dropped: [...dropped, ...model.checkpoint.skipped],
    tied: plan.tied,
    files:
      outputs.index === undefined ? filesOf(outputs) : [...filesOf(outputs), outputs.index.name],
    sourceLayout: plan.sourceLayout,
    layoutEvidence: plan.evidence,
    bytesRead: outcomes === undefined ? 0 : sourceBytes(model, plan),
    bytesWritten:
      outcomes === undefined ? 0 : plan.steps.reduce((sum, step) => sum + targetBytes(step), 0),
    verified: outcomes !== undefined && (options.verify ?? true),
    cast: outcomes === undefined ? { overflow: 0, underflow: 0 } : totalCast(outcomes),
    weightsSha256: outcomes === undefined ? null : weightsDigest(digestsOf(outputs, outcomes)),
    seconds,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    notes: model.notes,
    plan: renderPlan(plan),
  };
}

function filesOf(outputs: Outputs): readonly string[] {
  return outputs.files.map(({ name }) => name);
}

/** Bytes of all source tensors that a step writes from. */
function sourceBytes(model: OpenedModel, plan: Plan): number {
  const dropped = new Set(plan.steps.flatMap((step) => (step.kind === "drop" ? step.from : [])));
  return model.checkpoint.tensors
    .filter((tensor) => !dropped.has(sourceName(tensor)))
    .reduce((sum, { shape, dtype }) => sum + (byteCount(shape, dtype) ?? 0), 0);
}
