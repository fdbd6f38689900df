import { REAL_FILE_SYSTEM, type FileSystem } from "../convert/staging/file-system.ts";
import type { Part } from "../convert/parts/balance.ts";
import type { RunOptions } from "../convert/run-options.ts";
import type { TargetFormat } from "../formats/target-formats.ts";
import type { CastDtype } from "../mapping/step.ts";
import type { LinearLayout } from "../model/parameter.ts";
import { weakenedBy, type Weakened } from "../options/weakening.ts";
import type { Selection } from "../formats/open.ts";
import type { DeltaOptions } from "./delta.ts";

/** What is converted to what, and how carefully. */
export interface ConvertOptions {
  /** Default "safetensors". */
  readonly to?: TargetFormat | undefined;
  /** Default: what the target format's users expect. */
  readonly layout?: LinearLayout | undefined;
  readonly dtype?: CastDtype | "keep" | undefined;
  /** Bytes; one file when left out. */
  readonly maxShardSize?: number | undefined;
  /** "none" takes tensors as they are stored. */
  readonly architecture?: string | undefined;
  readonly sourceLayout?: LinearLayout | undefined;
  /** For a model that is not known: patterns of the names that are transposed, and of those that stay as stored. */
  readonly transpose?: readonly string[] | undefined;
  readonly keep?: readonly string[] | undefined;
  /** Which of the source's tensors are meant, and under what names. */
  readonly selection?: Selection | undefined;
  /** Weights to add to the source's: the result is base + delta. */
  readonly delta?: DeltaOptions | undefined;
  /** Writes tensors in full that strides of 0 make out of next to nothing. */
  readonly allowExpansion?: boolean;
  readonly dryRun?: boolean;
  readonly resume?: boolean;
  readonly force?: boolean;
  /** Default true: read the output back from the disk and compare digests. */
  readonly verify?: boolean;
  /**
   * A file that splits the conversion into parts: written when neither `part` nor `finish` is given, else read. Options that it
   * holds need not be given again.
   */
  readonly plan?: string | undefined;
  /** Writes only the files of this part. */
  readonly part?: Part | undefined;
  /** Checks that all parts are there and puts them in place. */
  readonly finish?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Told how far the work is. */
  readonly onProgress?: (
    phase: "convert" | "verify",
    done: number,
    total: number,
    item: string,
  ) => void;
  /** The disk; for tests of its failures. */
  readonly fileSystem?: FileSystem;
}

/** Checks that a conversion gives up. */
export function weakenedConversion({
  force,
  verify,
  selection,
}: ConvertOptions): readonly Weakened[] {
  return weakenedBy("convert", { force, verify, "data-only": selection?.dataOnly });
}

/** What every way of writing is told. @param sources Files that are read. */
export function runOptions(
  sources: readonly string[],
  target: string,
  options: ConvertOptions,
): Omit<RunOptions, "sideFiles" | "manifest" | "resume"> {
  return {
    target,
    sources,
    verify: options.verify ?? true,
    force: options.force ?? false,
    fileSystem: options.fileSystem ?? REAL_FILE_SYSTEM,
    signal: options.signal,
    onProgress: options.onProgress ?? (() => undefined),
  };
}
