import type { Selection } from "../formats/open.ts";
import type { Weakened } from "../options/weakening.ts";
import type { ComputeDtype, DeviceKind } from "../runtime/backends/ops.ts";
import type { ExactOptions } from "../session/open-runtime.ts";
import type { Prompt } from "../session/prompts.ts";
import type { WeightsSummary } from "./against-other.ts";
import type { PromptMetrics } from "./compare/metrics.ts";
import type { Parity } from "./compare/parity.ts";
import type { ToleranceProfile } from "./compare/tolerance.ts";
import type { Coverage } from "./coverage.ts";
import type { Diagnosis } from "./diagnose/diagnosis.ts";
import type { EndpointFindings, EndpointOptions } from "./endpoint/against-endpoint.ts";
import type { GreedyCheck } from "./greedy-check.ts";
import type { InputFile } from "./inputs.ts";
import type { QuantisationSummary } from "./quantised/summary.ts";

export interface VerifyOptions extends ExactOptions {
  /** A second checkpoint, in any format. */
  readonly other?: string | undefined;
  /** The importance matrix that the quantised side was made with, in either of llama.cpp's forms; with `other` alone. */
  readonly imatrix?: string | undefined;
  /** Which of the files' tensors are meant, and under what names. */
  readonly selection?: Selection | undefined;
  /** A golden file. */
  readonly golden?: string | undefined;
  /** A server that is to serve these weights. */
  readonly endpoint?: EndpointOptions | undefined;
  /** For comparing checkpoints and asking servers; a built-in set in English and Chinese when left out. */
  readonly prompts?: readonly Prompt[] | undefined;
  /** "default" when left out. */
  readonly profile?: ToleranceProfile | undefined;
  /** Tolerance on logits in place of the profile's. */
  readonly maxAbs?: number | undefined;
  /** Tolerance on the KL divergence of a prompt, in nats. */
  readonly kl?: number | undefined;
  /**
   * Measure the model's own noise in a second run with another order of summation, too; when left out, on models up to 1e9
   * parameters. The noise of shaken states is measured at any size, along the way.
   */
  readonly calibrate?: boolean | undefined;
  /** Compare two checkpoints' tensors, too; when left out, on models up to 1e9 parameters. */
  readonly weights?: boolean | undefined;
  /** Look for the cause of a failure; true when left out. */
  readonly diagnose?: boolean | undefined;
  /** Told how far the work is. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** One reference that the model was held against. */
export interface Comparison {
  readonly kind: "golden" | "checkpoint" | "endpoint";
  readonly path: string;
  readonly verdict: "pass" | "fail";
  /** Undefined where the model could not run. */
  readonly parity: Parity | undefined;
  readonly greedy: readonly GreedyCheck[];
  /** Of the tensors, where two checkpoints were compared. */
  readonly weights: WeightsSummary | undefined;
  /** Of the server, where one was asked. */
  readonly endpoint?: EndpointFindings | undefined;
  readonly diagnosis: readonly Diagnosis[];
  /** Why it fails; empty on pass. */
  readonly failures: readonly string[];
  /** What the verdict rests on. */
  readonly coverage: Coverage;
  /** What rounding to blocks explains and costs, where one side is a quantisation of the other. */
  readonly quantisation?: QuantisationSummary;
  /** Checks that were not made: what came before them had failed, or the model is large. */
  readonly notRun: readonly string[];
}

/** Whether a model computes what it should, and if not, why. */
export interface VerifyResult {
  readonly verdict: "pass" | "fail";
  readonly model: string;
  readonly architecture: string;
  readonly parameters: number;
  readonly layers: number;
  /** Of all comparisons together. */
  readonly prompts: readonly PromptMetrics[];
  /** Most likely first; empty on pass. */
  readonly diagnosis: readonly Diagnosis[];
  /** Of all comparisons together: what one of them reached is reached. */
  readonly coverage: Coverage;
  readonly comparisons: readonly Comparison[];
  readonly device: DeviceKind;
  readonly backend: string;
  readonly compute: ComputeDtype;
  readonly seconds: number;
  readonly peakMemoryBytes: number;
  /** Files that took part, of the model and of what it was held against. */
  readonly inputs: readonly InputFile[];
  /** Checks that the options gave up. */
  readonly weakened: readonly Weakened[];
  readonly notes: readonly string[];
}
