import type { Selection } from "../formats/open.ts";
import type { TargetFormat } from "../formats/target-formats.ts";
import type { RecipeChoice } from "../mapping/delta-recipe.ts";
import type { Quantisation } from "../mapping/to-gguf.ts";
import type { CastDtype } from "../mapping/step.ts";
import type { PaddleWriter } from "../model/names/paddle-writers.ts";
import type { LinearLayout } from "../model/parameter.ts";
import { paddleWriterOf } from "../mapping/plan.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import { familyOf } from "../model/families.ts";
import { WbError } from "../errors/wb-error.ts";
import { weakenedBy, type Weakened } from "../options/weakening.ts";
import type { Part } from "./parts/balance.ts";
import { REAL_FILE_SYSTEM, type FileSystem } from "./staging/file-system.ts";

/** Weights to add to the source's, and how. */
export interface DeltaOptions extends RecipeChoice {
  /** A file, an index or a folder, of any format. */
  readonly path: string;
}

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
  /** With `to` "gguf": what matrices are kept as; their own dtype when left out. */
  readonly quantize?: Quantisation | undefined;
  /** A file that `match --out` wrote: how each target tensor is made of the source's. */
  readonly map?: string | undefined;
  /** A checkpoint in the wanted form, whose weights the source's are, trained further. */
  readonly like?: string | undefined;
  /** Whose names the weights get that are converted to Paddle; the usual program of the model's when left out. */
  readonly for?: PaddleWriter | undefined;
  /** Writes the values of quantised matrices, in this dtype, instead of refusing them. */
  readonly dequantize?: CastDtype | undefined;
  /** Which of the source's tensors are meant, and under what names. */
  readonly selection?: Selection | undefined;
  /** Weights to add to the source's: the result is base + delta. */
  readonly delta?: DeltaOptions | undefined;
  /** An adapter of PEFT (a folder with adapter_config.json) that is merged into the source. */
  readonly lora?: string | undefined;
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

/** Options that have a value whatever was given. */
type Decided =
  "to" | "allowExpansion" | "dryRun" | "resume" | "force" | "verify" | "onProgress" | "fileSystem";

/** The options of one conversion, every default decided. Made once, and handed to whatever opens, plans and writes as it is. */
export interface ConvertSettings
  extends
    Omit<ConvertOptions, Decided | "plan" | "finish">,
    Readonly<Required<Pick<ConvertOptions, "allowExpansion" | "dryRun" | "resume">>>,
    Readonly<Required<Pick<ConvertOptions, "force" | "verify" | "onProgress" | "fileSystem">>> {
  readonly to: TargetFormat;
  /** Whether tensors are taken as stored even where names and shapes say more. */
  readonly asStored: boolean;
  /** Checks that the options give up. */
  readonly weakened: readonly Weakened[];
}

/** Whose names of Paddle's the result has, if any's. */
export function writerOf(
  config: ModelConfig | undefined,
  settings: Pick<ConvertSettings, "to" | "layout" | "for">,
): PaddleWriter | undefined {
  return config === undefined ? undefined : paddleWriterOf(settings, familyOf(config.family));
}

export function settingsOf(options: ConvertOptions): ConvertSettings {
  refuseContradictions(options);
  const { to = "safetensors", force = false, verify = true, selection } = options;
  return {
    ...options,
    to,
    force,
    verify,
    allowExpansion: options.allowExpansion ?? false,
    dryRun: options.dryRun ?? false,
    resume: options.resume ?? false,
    onProgress: options.onProgress ?? (() => undefined),
    fileSystem: options.fileSystem ?? REAL_FILE_SYSTEM,
    asStored: options.architecture === "none",
    weakened: weakenedBy("convert", { force, verify, "data-only": selection?.dataOnly }),
  };
}

/** @throws WbError WB2702 for options that GGUF has no place for, or that only it has. */
function refuseContradictions(options: ConvertOptions): void {
  const { to, quantize, dtype, delta, map, like, plan } = options;
  const problem =
    to === "gguf"
      ? delta !== undefined
        ? "--delta: write the sum as safetensors, and convert that to GGUF"
        : map !== undefined
          ? "--map: write by the map as safetensors, and convert that to GGUF"
          : like !== undefined
            ? "--like: write what it brings about as safetensors, and convert that to GGUF"
            : plan !== undefined
              ? "--plan: GGUF is not written in parts"
              : quantize !== undefined && dtype !== undefined
                ? "--dtype beside --quantize: only one can say what matrices are kept as"
                : undefined
      : quantize === undefined
        ? undefined
        : "--quantize is for --to gguf; --dtype casts in other formats";
  if (problem === undefined) return;
  throw new WbError("WB2702", problem, {
    details: { option: problem.slice(2).split(/[: ]/)[0] ?? "" },
  });
}
