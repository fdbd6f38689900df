import { stat } from "node:fs/promises";
import { findWeightSets } from "../formats/sets/folder.ts";
import { WbError } from "../errors/wb-error.ts";
import { weakenedBy, type Weakened } from "../options/weakening.ts";
import type { Backend } from "../runtime/backends/backend.ts";
import { openDevice } from "../runtime/backends/device.ts";
import type { ComputeDtype, DeviceKind, Ops } from "../runtime/backends/ops.ts";
import type { Diagnosis } from "./diagnose/diagnosis.ts";
import type { PromptMetrics } from "./compare/metrics.ts";
import type { Parity, ParityOptions } from "./compare/parity.ts";
import type { ToleranceProfile } from "./compare/tolerance.ts";
import type { GreedyCheck } from "./greedy-check.ts";
import type { Selection } from "../formats/open.ts";
import { configOf } from "../session/open-model.ts";
import type { Prompt } from "../session/prompts.ts";
import type { RuntimeOptions } from "../session/open-runtime.ts";
import { openBench, type Bench, type BenchOptions } from "./subject.ts";
import { verifyGolden } from "./against-golden.ts";
import { verifyOther, type WeightsSummary } from "./against-other.ts";

/** Parameters up to which two files' tensors are compared, and noise is measured in a run of its own, unasked: beyond, each takes minutes. */
const SMALL_PARAMETERS = 1e9;

/** Tokens of the prompts that noise is measured on along the way: of small models nearly all, of large ones a few short prompts. */
const SHAKEN_TOKENS = { small: 512, large: 64 } as const;

export interface VerifyOptions extends RuntimeOptions {
  /** A second checkpoint, in any format. */
  readonly other?: string | undefined;
  /** Which of the files' tensors are meant, and under what names. */
  readonly selection?: Selection | undefined;
  /** A golden file. */
  readonly golden?: string | undefined;
  /** For comparing checkpoints; a built-in set in English and Chinese when left out. */
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
  readonly kind: "golden" | "checkpoint";
  readonly path: string;
  readonly verdict: "pass" | "fail";
  /** Undefined where the model could not run. */
  readonly parity: Parity | undefined;
  readonly greedy: readonly GreedyCheck[];
  /** Of the tensors, where two checkpoints were compared. */
  readonly weights: WeightsSummary | undefined;
  readonly diagnosis: readonly Diagnosis[];
  /** Why it fails; empty on pass. */
  readonly failures: readonly string[];
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
  readonly comparisons: readonly Comparison[];
  readonly device: DeviceKind;
  readonly backend: string;
  readonly compute: ComputeDtype;
  readonly seconds: number;
  readonly peakMemoryBytes: number;
  /** Checks that the options gave up. */
  readonly weakened: readonly Weakened[];
  readonly notes: readonly string[];
}

/**
 * Proves that a model gives the logits of a golden file, of another checkpoint, or of the other sets of weights in its folder;
 * says what is wrong where it does not.
 * @throws WbError of the readers and the runtime; WB2911 when there is nothing to compare with; WB3911, WB3912.
 */
export async function verify(path: string, options: VerifyOptions = {}): Promise<VerifyResult> {
  const begin = performance.now();
  const { main, others, notes } = await references(path, options);
  const { device = "auto", compute = "f32", verbose = false } = options;
  const backend = await openDevice({ device, compute, verbose });
  const settings = benchOptions(options, compute);
  const [second] = others;
  const fallback = second === undefined ? undefined : await configOf(second, options.selection);
  const bench = await openBench(main, backend, settings, fallback);
  try {
    const sized = withSize(bench, options);
    const comparisons: Comparison[] = [];
    if (!bench.isComplete) comparisons.push(broken(bench, options.golden ?? others[0] ?? main));
    else {
      if (options.golden !== undefined)
        comparisons.push(await againstGolden(sized, options.golden));
      for (const other of others) {
        comparisons.push(
          await againstOther(
            sized,
            other,
            backend,
            options.prompts,
            options.weights ?? isSmall(bench),
          ),
        );
      }
    }
    const all = [...notes, ...bench.notes, `device: ${backend.why}`];
    return {
      ...resultOf(bench, comparisons, backend.ops, all, begin),
      weakened: weakened(options),
    };
  } finally {
    await bench.close();
    backend.ops.dispose();
  }
}

function weakened(options: VerifyOptions): readonly Weakened[] {
  const { profile, maxAbs, kl, calibrate, weights, selection } = options;
  const { drop, dataOnly } = selection ?? {};
  const checks = { "tolerance-profile": profile, "max-abs": maxAbs, kl, calibrate, weights };
  const given = { ...checks, drop, "data-only": dataOnly };
  return weakenedBy("verify", given);
}

interface References {
  /** What is verified. */
  readonly main: string;
  readonly others: readonly string[];
  readonly notes: readonly string[];
}

async function references(path: string, { other, golden }: VerifyOptions): Promise<References> {
  const others = other === undefined ? [] : [other];
  if (other !== undefined || golden !== undefined) return { main: path, others, notes: [] };
  const isFolder = (await stat(path)).isDirectory();
  const sets = isFolder ? await findWeightSets(path) : [];
  const [main, ...rest] = sets;
  if (main === undefined || rest.length === 0) {
    throw new WbError(
      "WB2911",
      `${path}: ${isFolder ? `has ${sets.length} set of weights` : "is one set of weights"}, and neither a second model nor --golden was given`,
    );
  }
  return {
    main: main.path,
    others: rest.map((set) => set.path),
    notes: [
      `${path} holds ${sets.length} sets of weights: ${sets.map(({ name }) => name).join(", ")}`,
    ],
  };
}

function benchOptions(options: VerifyOptions, compute: ComputeDtype): BenchOptions {
  const parity: ParityOptions = {
    compute,
    profile: options.profile ?? "default",
    maxAbs: options.maxAbs,
    kl: options.kl,
    calibrate: options.calibrate ?? false,
    shakenTokens: SHAKEN_TOKENS.small,
    signal: options.signal,
    onLayer: options.onProgress,
  };
  const { sourceLayout } = options;
  return {
    parity,
    diagnose: options.diagnose ?? true,
    sourceLayout,
    selection: options.selection,
    lenient: options.other !== undefined,
  };
}

/** Whether to measure noise is decided when the model's size is known. */
function withSize(bench: Bench, { calibrate }: VerifyOptions): Bench {
  const { options } = bench;
  const small = isSmall(bench);
  const parity = {
    ...options.parity,
    calibrate: calibrate ?? small,
    shakenTokens: small ? SHAKEN_TOKENS.small : SHAKEN_TOKENS.large,
  };
  return { ...bench, options: { ...options, parity } };
}

function parametersOf({ tensors }: Bench): number {
  return [...tensors.values()].reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
}

const isSmall = (bench: Bench): boolean => parametersOf(bench) <= SMALL_PARAMETERS;

/** Tensors are missing: the model cannot run. */
function broken(bench: Bench, reference: string): Comparison {
  return {
    kind: "checkpoint",
    path: reference,
    verdict: "fail",
    parity: undefined,
    greedy: [],
    weights: undefined,
    diagnosis: bench.structure,
    failures: ["nothing was compared: the model cannot run without the tensors that are missing"],
  };
}

async function againstGolden(bench: Bench, path: string): Promise<Comparison> {
  const { parity, greedy, diagnoses } = await verifyGolden(bench, path);
  const failures = [...parity.failures];
  for (const { prompt, repetitionPenalty, tokens, agreeing, nearTies } of greedy) {
    const wrong = tokens - agreeing - nearTies;
    if (wrong > 0)
      failures.push(
        `${prompt}: ${wrong} of ${tokens} greedy ids are others (repetition penalty ${repetitionPenalty})`,
      );
  }
  return comparison("golden", path, parity, greedy, undefined, bench, diagnoses, failures);
}

async function againstOther(
  bench: Bench,
  path: string,
  backend: Backend,
  prompts: readonly Prompt[] | undefined,
  compareWeights: boolean,
): Promise<Comparison> {
  const { parity, weights, diagnoses } = await verifyOther(
    bench,
    path,
    backend,
    prompts,
    compareWeights,
  );
  const failures = [...(parity?.failures ?? ["nothing was compared: the other side cannot run"])];
  if (weights !== undefined && weights.wrong > 0)
    failures.push(`${weights.wrong} of ${weights.compared} tensors differ`);
  return comparison("checkpoint", path, parity, [], weights, bench, diagnoses, failures);
}

function comparison(
  kind: Comparison["kind"],
  path: string,
  parity: Parity | undefined,
  greedy: readonly GreedyCheck[],
  weights: WeightsSummary | undefined,
  { structure }: Bench,
  diagnoses: readonly Diagnosis[],
  failures: readonly string[],
): Comparison {
  const shapes = structure.flatMap(({ tensors }) =>
    tensors.length === 0 ? [] : [`${tensors.length} tensors lie the other way than the rest`],
  );
  const all = [...shapes, ...failures, ...diagnoses.flatMap(settingsFailure)];
  return {
    kind,
    path,
    verdict: all.length === 0 ? "pass" : "fail",
    parity,
    greedy,
    weights,
    diagnosis: all.length === 0 ? [] : [...structure, ...diagnoses],
    failures: all,
  };
}

/** Another tokenizer and other settings are failures though the logits of these prompts fit. */
function settingsFailure({ cause, evidence }: Diagnosis): readonly string[] {
  return cause === "tokenizer" || cause === "config-mismatch" ? [evidence] : [];
}

function resultOf(
  bench: Bench,
  comparisons: readonly Comparison[],
  ops: Ops,
  notes: readonly string[],
  begin: number,
): Omit<VerifyResult, "weakened"> {
  const { architecture, layers } = bench.laboratory.config;
  return {
    verdict: comparisons.every(({ verdict }) => verdict === "pass") ? "pass" : "fail",
    model: bench.path,
    architecture,
    parameters: parametersOf(bench),
    layers,
    prompts: comparisons.flatMap(({ parity }) => parity?.prompts ?? []),
    diagnosis: comparisons.flatMap(({ diagnosis }) => diagnosis),
    comparisons,
    device: ops.device,
    backend: ops.description,
    compute: ops.compute,
    seconds: (performance.now() - begin) / 1000,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    notes,
  };
}
