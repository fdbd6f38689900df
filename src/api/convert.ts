import { basename } from "node:path";
import { refuseExpansion } from "../convert/expansion.ts";
import type { Job, SideFile } from "../convert/job.ts";
import { manifestText, sumFacts } from "../convert/manifest.ts";
import { fileMetadata } from "../convert/metadata.ts";
import { planOutputs } from "../convert/outputs.ts";
import { chooseParts, runParts } from "../convert/parts/run-parts.ts";
import { resultOf, type ConvertResult } from "../convert/result.ts";
import { runConversion } from "../convert/run.ts";
import {
  settingsOf,
  writerOf,
  type ConvertOptions,
  type ConvertSettings,
} from "../convert/settings.ts";
import { sideFiles, textFiles } from "../convert/side-files.ts";
import type { GgufParts } from "../formats/gguf/write.ts";
import type { TargetFormat } from "../formats/target-formats.ts";
import type { Plan } from "../mapping/plan.ts";
import { isLowRankFactor } from "../model/adapter-names.ts";
import { describeGguf, type DescribedGguf } from "../session/gguf-parts.ts";
import { openConversion, type OpenedConversion } from "../session/open-conversion.ts";
import { learnLike } from "./like.ts";
import { packageVersion } from "../session/package-version.ts";
import type { Checkpoint } from "../tensor/table.ts";
import { stockTokenizer, type StockTokenizer } from "../session/stock-tokenizer.ts";

export type { PartsStep } from "../convert/parts/run-parts.ts";
export type { ConvertedTensor, ConvertResult } from "../convert/result.ts";
export type { ConvertOptions } from "../convert/settings.ts";

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
  const chosen = await chooseParts(options);
  const settings = settingsOf(chosen.options);
  const { like, selection, signal, dtype } = settings;
  const learned =
    like === undefined
      ? undefined
      : await learnLike(source, like, { selection, signal, keepsDtypes: dtype === undefined });
  const how =
    learned === undefined ? settings : { ...settings, learned: learned.statements, lenient: true };
  const opened = await openConversion(source, how);
  try {
    const gguf = await ggufOf(opened, settings);
    const stock = await stockOf(opened, settings);
    const job = jobOf(opened, target, settings, {
      configFolder: learned?.configFolder,
      gguf: gguf?.parts,
      stockFiles: stock.files,
    });
    const { base, added, plan } = opened;
    const notes = [
      ...opened.notes,
      ...(learned?.notes ?? []),
      ...(gguf?.notes ?? []),
      ...stock.notes,
    ];
    const converted = { base, delta: added?.delta.checkpoint, plan, notes };
    const seconds = (): number => (performance.now() - begin) / 1000;
    if (chosen.parts !== undefined) {
      const done = await runParts(chosen.parts, job, base, packageVersion());
      return resultOf(converted, settings, done, done.step, seconds());
    }
    const outcomes = settings.dryRun ? undefined : await runConversion(job);
    const done = { outputs: job.outputs, outcomes };
    return resultOf(converted, settings, done, undefined, seconds());
  } finally {
    await opened.close();
  }
}

/** What a GGUF file will say; undefined for other formats. */
async function ggufOf(
  { plan, found, tokenizerFolder }: OpenedConversion,
  { to, quantize }: ConvertSettings,
): Promise<DescribedGguf | undefined> {
  const { config } = found;
  if (to !== "gguf" || config === undefined || "recipe" in plan) return undefined;
  return describeGguf({ ...found, config }, tokenizerFolder, plan, quantize);
}

/** What the source's tokenizer is for transformers; nothing beside what it does not load, or is taken as stored. */
async function stockOf(
  { found, tokenizerFolder }: OpenedConversion,
  settings: ConvertSettings,
): Promise<StockTokenizer> {
  const { config } = found;
  const isOther = settings.to === "gguf" || settings.to === "paddle";
  if (config === undefined || isOther || writerOf(config, settings) !== undefined)
    return { files: [], notes: [] };
  return stockTokenizer(tokenizerFolder, config);
}

/** What describes the result where the source does not. */
interface Described {
  readonly configFolder: string | undefined;
  readonly gguf: GgufParts | undefined;
  /** In place of those that would be carried under their names. */
  readonly stockFiles: readonly SideFile[];
}

/** The conversion, planned down to the last byte of each file. */
function jobOf(
  opened: OpenedConversion,
  target: string,
  settings: ConvertSettings,
  { configFolder, gguf, stockFiles }: Described,
): Job {
  const { base, added, plan, found, tokenizerFolder } = opened;
  const layout = plan.targetLayout === "unknown" ? undefined : plan.targetLayout;
  const { to, maxShardSize } = settings;
  const metadata = fileMetadata(base, layout);
  const outputs = planOutputs(plan, to, maxShardSize, metadata, ownStem(plan, to, base), gguf);
  if (!settings.allowExpansion) refuseExpansion(outputs.tensors);
  return {
    settings,
    outputs,
    target,
    sources: [...base.files, ...(added?.delta.checkpoint.files ?? [])],
    sideFiles: async () => {
      const isPlain = settings.dequantize !== undefined;
      const writer = writerOf(found.config, settings);
      if (to === "gguf") return textFiles(tokenizerFolder);
      const made = new Set(stockFiles.map(({ name }) => name));
      const files = await sideFiles(found, tokenizerFolder, outputs, writer, isPlain, configFolder);
      return [...files.filter(({ name }) => !made.has(name)), ...stockFiles];
    },
    manifest: (outcomes, sources) =>
      manifestText(
        outputs,
        outcomes,
        sumFacts(plan, outputs, outcomes),
        settings.weakened,
        sources,
      ),
  };
}

/** How Diffusers calls the weights of a part of a pipeline, in torch's formats alone. */
const DIFFUSERS_STEM = "diffusion_pytorch_model";

/** File names other than the format's, by which the programs that the weights are for find them. */
function ownStem(plan: Plan, to: TargetFormat, { files }: Checkpoint): string | undefined {
  const isOfDiffusers =
    files.length > 0 && files.every((file) => basename(file).startsWith(DIFFUSERS_STEM));
  const isForTorch = to === "safetensors" || to === "pytorch";
  return adapterStem(plan, to) ?? (isOfDiffusers && isForTorch ? DIFFUSERS_STEM : undefined);
}

/** Adapters have file names of their own, by which PEFT and PaddleNLP find them. */
function adapterStem({ steps }: Plan, to: TargetFormat): string | undefined {
  const targets = steps.flatMap((step) => (step.kind === "drop" ? [] : [step.to]));
  const factors = targets.filter(isLowRankFactor).length;
  // A model with its adapter beside its layers is a model.
  if (factors * 2 < targets.length || factors === 0) return undefined;
  return to === "paddle" ? "lora_model_state" : "adapter_model";
}
