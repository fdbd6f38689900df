import { checkOptions, checkPath, type RulesFor } from "../options/check-options.ts";
import { wrongValue } from "../options/values.ts";
import { compareLogits as compare, type PromptMetrics } from "../verify/compare/metrics.ts";
import { diff as runDiff, type DiffModelsOptions, type DiffResult } from "../verify/diff.ts";
import {
  recordGolden as runRecord,
  type RecordedGolden,
  type RecordGoldenOptions as RunRecordOptions,
} from "../verify/golden/record.ts";
import { verify as runVerify } from "../verify/run.ts";
import type { VerifyOptions as RunVerifyOptions, VerifyResult } from "../verify/result.ts";
import { DIFF, RECORD, VERIFY } from "./rules.ts";
import { withBytes, type WithSizes } from "./sizes.ts";

export type { DiffClass } from "../verify/compare/diff-checkpoints.ts";
export type { PromptMetrics, RowMetrics } from "../verify/compare/metrics.ts";
export type { ToleranceProfile } from "../verify/compare/tolerance.ts";
export type { EndpointFindings, EndpointOptions } from "../verify/endpoint/against-endpoint.ts";
export type { DiffedTensor, DiffModelsOptions, DiffResult } from "../verify/diff.ts";
export { goldenScript, type RecordedGolden } from "../verify/golden/record.ts";
export { evidenceOf, type Evidence, type FileDigest } from "../verify/report/evidence.ts";
export type { InputFile, InputRole } from "../verify/inputs.ts";
export { writeReports, type ReportPaths } from "../verify/report/reports.ts";
export type { Comparison, VerifyResult } from "../verify/result.ts";
export type { Weakened } from "../options/weakening.ts";

/** What a model is verified with. */
export type VerifyOptions = WithSizes<RunVerifyOptions>;

/** What is recorded of a model. */
export type RecordGoldenOptions = WithSizes<RunRecordOptions>;

/**
 * Proves that a model gives the logits of a golden file, of another checkpoint, or of the other sets of weights in its folder.
 * @throws WbError WB2001 for options that cannot be, WB2911 where there is nothing to compare with, and those of the runtime.
 */
export async function verify(path: string, options?: VerifyOptions): Promise<VerifyResult> {
  checkPath("verify", "path", path);
  checkOptions("verify", options, VERIFY);
  return runVerify(path, withBytes(options ?? {}));
}

/** Compares two checkpoints of any formats tensor by tensor. @throws WbError WB2001, and those of the readers. */
export async function diff(
  left: string,
  right: string,
  options?: DiffModelsOptions,
): Promise<DiffResult> {
  checkPath("diff", "left", left);
  checkPath("diff", "right", right);
  checkOptions("diff", options, DIFF);
  return runDiff(left, right, options);
}

/** Records what this runtime computes as a golden file. @throws WbError WB2001, and those of the runtime. */
export async function recordGolden(
  path: string,
  out: string,
  options?: RecordGoldenOptions,
): Promise<RecordedGolden> {
  checkPath("recordGolden", "path", path);
  checkPath("recordGolden", "out", out);
  checkOptions("recordGolden", options, RECORD);
  return runRecord(path, out, withBytes(options ?? {}));
}

/** How logits are compared. */
export interface CompareLogitsOptions {
  /** What the result calls the prompt; "prompt" when left out. */
  readonly name?: string | undefined;
  /** The token index of each row; 0, 1, … when left out. */
  readonly positions?: readonly number[] | undefined;
  /** Difference of the two likeliest logits below which either may come first; 0 when left out. */
  readonly nearTie?: number | undefined;
}

const COMPARE: RulesFor<CompareLogitsOptions> = {
  name: { kind: "text" },
  positions: { kind: "ids" },
  nearTie: { kind: "number" },
};

/**
 * Compares logits [rows, vocabulary], row-major, with a reference's. Pure. A NaN on one side alone makes every figure NaN, so
 * that a gate such as `maxAbs <= 1e-3` does not pass.
 * @param vocabSize Logits of a row.
 * @throws WbError WB2001 where the two have different lengths or no whole rows, or nothing would be compared.
 */
export function compareLogits(
  ours: Float32Array,
  reference: Float32Array,
  vocabSize: number,
  options: CompareLogitsOptions = {},
): PromptMetrics {
  checkOptions("compareLogits", options, COMPARE);
  for (const [name, value] of Object.entries({ ours, reference })) {
    if (!(value instanceof Float32Array))
      throw wrongValue(`compareLogits: ${name}`, "a Float32Array", value);
  }
  const isWhole = Number.isSafeInteger(vocabSize) && vocabSize > 0;
  if (!isWhole || reference.length === 0 || reference.length % vocabSize !== 0)
    throw wrongValue(
      `compareLogits: vocabSize`,
      `a divisor of the reference's ${reference.length} logits`,
      vocabSize,
    );
  if (ours.length !== reference.length)
    throw wrongValue(
      "compareLogits: ours",
      `${reference.length} logits as the reference`,
      ours.length,
    );
  const rows = reference.length / vocabSize;
  const positions = options.positions ?? Array.from({ length: rows }, (_unused, row) => row);
  if (positions.length !== rows)
    throw wrongValue("compareLogits: positions", `${rows} positions, one a row`, positions.length);
  return compare(options.name ?? "prompt", ours, reference, positions, options.nearTie ?? 0);
}
