import {
  convert as run,
  type ConvertedTensor,
  type ConvertOptions as RunOptions,
  type ConvertResult,
} from "../api/convert.ts";
import { checkOptions, checkPath } from "../options/check-options.ts";
import { sizeOf } from "../options/values.ts";
import { CONVERT } from "./rules.ts";

export type { ConvertedTensor, ConvertResult, PartsStep } from "../api/convert.ts";
export type { SumFacts } from "../convert/manifest.ts";
export type { Weakened } from "../options/weakening.ts";

/** What is converted to what, and how carefully. */
export interface ConvertOptions extends Omit<RunOptions, "maxShardSize" | "fileSystem"> {
  /** Bytes, or a size such as "5GB" or "4GiB"; one file when left out. */
  readonly maxShardSize?: number | string | undefined;
}

/**
 * Converts a checkpoint of any format into a folder that the target's users can load. The source is only read; the target is
 * complete or untouched.
 * @throws WbError WB2001 for options that cannot be, and those of reading, planning and writing.
 */
export async function convert(
  source: string,
  target: string,
  options?: ConvertOptions,
): Promise<ConvertResult> {
  checkPath("convert", "source", source);
  checkPath("convert", "target", target);
  return run(source, target, runOptions("convert", options));
}

/** What a conversion would do, before a byte is written. */
export interface ConversionPlan extends Pick<
  ConvertResult,
  "dropped" | "tied" | "files" | "sourceLayout" | "layoutEvidence" | "notes"
> {
  /** Each with where it comes from, what is done to it and why. */
  readonly tensors: readonly Omit<ConvertedTensor, "sha256">[];
  /** For people: what `convert --dry-run` prints. */
  readonly text: string;
}

/** Plans a conversion from the headers of its source; nothing is written. @throws WbError as `convert`. */
export async function planConversion(
  source: string,
  options?: Omit<ConvertOptions, "dryRun" | "resume" | "plan" | "part" | "finish">,
): Promise<ConversionPlan> {
  checkPath("planConversion", "source", source);
  const given = runOptions("planConversion", options);
  const result = await run(source, "", { ...given, dryRun: true });
  const { dropped, tied, files, sourceLayout, layoutEvidence, notes, plan } = result;
  const tensors = result.tensors.map(({ sha256: _none, ...tensor }) => tensor);
  return { tensors, dropped, tied, files, sourceLayout, layoutEvidence, notes, text: plan };
}

function runOptions(callee: string, options: ConvertOptions | undefined): RunOptions {
  checkOptions(callee, options, CONVERT);
  const { maxShardSize, ...rest } = options ?? {};
  return maxShardSize === undefined
    ? rest
    : { ...rest, maxShardSize: sizeOf("maxShardSize", maxShardSize) };
}
