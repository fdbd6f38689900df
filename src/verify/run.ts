import { stat } from "node:fs/promises";
import { findWeightSets } from "../formats/sets/folder.ts";
import { WbError } from "../errors/wb-error.ts";
import { weakenedBy, type Weakened } from "../options/weakening.ts";
import type { Backend } from "../runtime/backends/backend.ts";
import { openDevice } from "../runtime/backends/device.ts";
import type { ComputeDtype, DeviceKind, Ops } from "../runtime/backends/ops.ts";
import { compareWithinFolder } from "./tokenizers/folder.ts";
import type { Diagnosis } from "./diagnose/diagnosis.ts";
import type { PromptMetrics } from "./compare/metrics.ts";
import type { Parity, ParityOptions } from "./compare/parity.ts";
import type { ToleranceProfile } from "./compare/tolerance.ts";
import { scanValues, type ScannedTensor } from "./compare/scan-values.ts";
import {
  coverageOf,
  joinedCoverage,
  nonFiniteDiagnoses,
  oddRows,
  type Coverage,
} from "./coverage.ts";
import { greedyNames, type GreedyCheck } from "./greedy-check.ts";
import type { QuantisationSummary } from "./quantised/summary.ts";
import type { Selection } from "../formats/open.ts";
import { greedyDiagnosis } from "./greedy-diagnosis.ts";
import { configOf } from "../session/open-model.ts";
import type { Prompt } from "../session/prompts.ts";
import type { RuntimeOptions } from "../session/open-runtime.ts";
import { inputsOf, type InputFile } from "./inputs.ts";
import { openBench, type Bench, type BenchOptions } from "./subject.ts";
import { verifyGolden } from "./against-golden.ts";
import { endpointOf } from "./endpoint/address.ts";
import {
  verifyEndpoint,
  type EndpointFindings,
  type EndpointOptions,
} from "./endpoint/against-endpoint.ts";
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

/**
 * Proves that a model gives the logits of a golden file, of another checkpoint, or of the other sets of weights in its folder;
 * says what is wrong where it does not.
 * @throws WbError of the readers and the runtime; WB2911 when there is nothing to compare with; WB3911, WB3912.
 */
export async function verify(path: string, options: VerifyOptions = {}): Promise<VerifyResult> {
  const begin = performance.now();
  // Before a large model is opened: what is wrong with an address is wrong at once.
  const server =
    options.endpoint === undefined
      ? undefined
      : endpointOf(options.endpoint.url, options.endpoint.apiKeyEnv, process.env);
  const { main, others, notes } = await references(path, options);
  const { device = "auto", compute = "f32", verbose = false } = options;
  const backend = await openDevice({ device, compute, verbose });
  const settings = benchOptions(options, compute);
  const [second] = others;
  const fallback = second === undefined ? undefined : await configOf(second, options.selection);
  const bench = await openBench(main, backend, settings, fallback);
  try {
    const tokenizers = await compareWithinFolder(bench.folder);
    const sized = { ...withSize(bench, options), tokenizers };
    const comparisons: Comparison[] = [];
    const told = [...notes, ...bench.notes, ...tokenizers.notes, `device: ${backend.why}`];
    const inputs = [...(await inputsOf(bench.model))];
    if (options.golden !== undefined) inputs.push({ role: "golden", path: options.golden });
    if (!bench.isComplete)
      comparisons.push(broken(bench, options.golden ?? server?.url ?? others[0] ?? main));
    else {
      const scanned = await scanValues(bench.tensors, options.signal);
      told.push(...oddRows(scanned));
      if (options.golden !== undefined)
        comparisons.push(await againstGolden(sized, options.golden, scanned, told));
      if (options.endpoint !== undefined)
        comparisons.push(await againstEndpoint(sized, options.endpoint, options.prompts, scanned));
      for (const other of others) {
        comparisons.push(
          await againstOther(
            sized,
            other,
            backend,
            options.prompts,
            options.weights ?? isSmall(bench),
            scanned,
            { inputs, told },
          ),
        );
      }
    }
    return {
      ...resultOf(bench, comparisons, backend.ops, told, begin),
      inputs,
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

async function references(
  path: string,
  { other, golden, endpoint }: VerifyOptions,
): Promise<References> {
  const others = other === undefined ? [] : [other];
  const isGiven = other !== undefined || golden !== undefined || endpoint !== undefined;
  if (isGiven) return { main: path, others, notes: [] };
  const isFolder = (await stat(path)).isDirectory();
  const sets = isFolder ? await findWeightSets(path) : [];
  // Shards without an index and parallel parts have no path of their own: only as the first are they the folder's.
  const [main, ...rest] = sets.filter(
    ({ kind }, index) => index === 0 || kind === "file" || kind === "index",
  );
  if (main === undefined || rest.length === 0) {
    throw new WbError(
      "WB2911",
      `${path}: ${isFolder ? `has ${sets.length} set of weights` : "is one set of weights"}, and neither a second model nor --golden was given`,
      { details: { path } },
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
    coverage: { tokens: 0, positions: 0, texts: 0, tensors: 0, unreached: ["everything"] },
    notRun: [],
  };
}

async function againstGolden(
  bench: Bench,
  path: string,
  scanned: readonly ScannedTensor[],
  told: string[],
): Promise<Comparison> {
  const { golden, parity, greedy, diagnoses, notes, texts } = await verifyGolden(bench, path);
  told.push(...notes);
  const failures = [...parity.failures];
  for (const { prompt, repetitionPenalty, tokens, agreeing, nearTies } of greedy) {
    const wrong = tokens - agreeing - nearTies;
    if (wrong > 0)
      failures.push(
        `${prompt}: ${wrong} of ${tokens} greedy ids are others (repetition penalty ${repetitionPenalty})`,
      );
  }
  const isGreedyAlone = parity.passes && failures.length > 0;
  return comparison(bench, {
    kind: "golden",
    path,
    parity,
    greedy,
    weights: undefined,
    failures,
    diagnoses: [
      ...diagnoses,
      ...nonFiniteDiagnoses(scanned),
      ...(isGreedyAlone ? [await greedyDiagnosis(bench.folder)] : []),
    ],
    coverage: coverageOf({
      prompts: golden.prompts.map(({ ids }) => ids),
      positions: positionsOf(parity),
      texts: texts + bench.tokenizers.texts,
      tensors: bench.tensors.size,
      vocabSize: bench.laboratory.config.vocabSize,
      config: bench.laboratory.config,
      comparedValues: false,
    }),
    notRun: greedy.length === 0 ? greedyNames(golden) : [],
  });
}

async function againstOther(
  bench: Bench,
  path: string,
  backend: Backend,
  prompts: readonly Prompt[] | undefined,
  compareWeights: boolean,
  scanned: readonly ScannedTensor[],
  { inputs, told }: { readonly inputs: InputFile[]; readonly told: string[] },
): Promise<Comparison> {
  const outcome = await verifyOther(bench, path, backend, prompts, compareWeights);
  inputs.push(...outcome.inputs);
  told.push(...outcome.notes);
  const { parity, weights, diagnoses } = outcome;
  const { quantisation } = outcome;
  const failures = [
    ...(outcome.failures ??
      parity?.failures ?? ["nothing was compared: the other side cannot run, or has another head"]),
  ];
  if (quantisation === undefined && weights !== undefined && weights.wrong > 0)
    failures.push(`${weights.wrong} of ${weights.compared} tensors differ`);
  // Where every value is the other side's, one that is no number is, too: it was not made by what is verified here.
  const isSame = weights !== undefined && weights.wrong === 0;
  return comparison(bench, {
    kind: "checkpoint",
    path,
    parity,
    greedy: [],
    weights,
    failures,
    diagnoses: [...diagnoses, ...(isSame ? [] : nonFiniteDiagnoses(scanned))],
    coverage: coverageOf({
      prompts: outcome.prompts.map(({ ids }) => ids),
      positions: positionsOf(parity),
      texts: outcome.texts + bench.tokenizers.texts,
      tensors: bench.tensors.size,
      vocabSize: bench.laboratory.config.vocabSize,
      config: bench.laboratory.config,
      comparedValues: weights !== undefined,
    }),
    notRun: weights === undefined ? ["tensors"] : [],
    ...(quantisation === undefined ? {} : { quantisation }),
  });
}

/** Asks a server; its values are log-probabilities, and stand where other comparisons have logits. */
async function againstEndpoint(
  bench: Bench,
  options: EndpointOptions,
  prompts: readonly Prompt[] | undefined,
  scanned: readonly ScannedTensor[],
): Promise<Comparison> {
  const outcome = await verifyEndpoint(bench, options, prompts);
  const { parity, endpoint, failures, diagnoses } = outcome;
  const { config } = bench.laboratory;
  const longest = Math.max(0, ...outcome.prompts.map(({ ids }) => ids.length));
  const coverage = coverageOf({
    prompts: outcome.prompts.map(({ ids }) => ids),
    positions: positionsOf(parity) + auditedBy(endpoint),
    texts: endpoint.tokenizer.ids + endpoint.tokenizer.counts,
    tensors: bench.tensors.size,
    vocabSize: config.vocabSize,
    config,
    comparedValues: false,
  });
  return comparison(bench, {
    kind: "endpoint",
    path: endpoint.url,
    parity,
    greedy: [],
    weights: undefined,
    endpoint,
    failures,
    diagnoses: [...diagnoses, ...nonFiniteDiagnoses(scanned)],
    coverage: {
      ...coverage,
      unreached: [
        ...coverage.unreached,
        `the server's context beyond ${longest} tokens`,
        ...unseenBy(endpoint),
        ...(endpoint.tokenizer.ids + endpoint.tokenizer.counts === 0
          ? ["the server's tokenizer: it tells nothing of how it reads texts"]
          : []),
      ],
    },
    notRun: [],
  });
}

/** Tokens that a server was judged by where it told nothing else. */
function auditedBy({ audit }: EndpointFindings): number {
  return audit === undefined ? 0 : audit.drawn + audit.greedy;
}

/** What tokens alone were too few to show. */
function unseenBy({ audit }: EndpointFindings): readonly string[] {
  if (audit === undefined || audit.unseen.length === 0) return [];
  return [
    `what ${audit.drawn} drawn tokens do not show: that the server ${audit.unseen.join(", or ")}`,
  ];
}

function positionsOf(parity: Parity | undefined): number {
  return (parity?.prompts ?? []).reduce((sum, { positions }) => sum + positions, 0);
}

interface Findings extends Omit<Comparison, "verdict" | "diagnosis"> {
  readonly diagnoses: readonly Diagnosis[];
}

function comparison(
  { structure, tokenizers, options }: Bench,
  { diagnoses: found, ...findings }: Findings,
): Comparison {
  const shapes = structure.flatMap(({ tensors }) =>
    tensors.length === 0 ? [] : [`${tensors.length} tensors are transposed against the rest`],
  );
  const diagnoses = withoutTwins([...found, ...tokenizers.diagnoses]);
  const failures = [...shapes, ...findings.failures, ...diagnoses.flatMap(ownFailure)];
  const diagnosis = [...structure, ...diagnoses];
  if (failures.length === 0) return { ...findings, verdict: "pass", diagnosis: [], failures };
  return {
    ...findings,
    verdict: "fail",
    diagnosis: diagnosis.length > 0 ? diagnosis : [unexplained(failures, options.diagnose)],
    failures,
  };
}

/** A tensor that a diagnosis of this cause names already is not named again. */
function withoutTwins(diagnoses: readonly Diagnosis[]): readonly Diagnosis[] {
  return diagnoses.filter(
    ({ cause, tensors }, index) =>
      cause !== "non-finite" ||
      !diagnoses
        .slice(0, index)
        .some(
          (earlier) =>
            earlier.cause === cause && tensors.every((name) => earlier.tensors.includes(name)),
        ),
  );
}

/** A failure is never without a diagnosis: what is known of it is said. */
function unexplained(failures: readonly string[], wasSought: boolean): Diagnosis {
  const evidence = `${failures[0] ?? ""}; ${wasSought ? "nothing more was found" : "the cause was not looked for (--no-diagnose)"}`;
  return { cause: "undetermined", tensors: [], evidence };
}

/** Another tokenizer, other settings and values that are no number are failures though the logits of these prompts fit. */
function ownFailure({ cause, tensors, evidence }: Diagnosis): readonly string[] {
  if (cause === "non-finite") return [`${tensors.join(", ")}: ${evidence}`];
  return cause === "tokenizer" || cause === "config-mismatch" ? [evidence] : [];
}

function resultOf(
  bench: Bench,
  comparisons: readonly Comparison[],
  ops: Ops,
  notes: readonly string[],
  begin: number,
): Omit<VerifyResult, "weakened" | "inputs"> {
  const { architecture, layers } = bench.laboratory.config;
  return {
    verdict: comparisons.every(({ verdict }) => verdict === "pass") ? "pass" : "fail",
    model: bench.path,
    architecture,
    parameters: parametersOf(bench),
    layers,
    prompts: comparisons.flatMap(({ parity }) => parity?.prompts ?? []),
    diagnosis: comparisons.flatMap(({ diagnosis }) => diagnosis),
    coverage: joinedCoverage(comparisons.map(({ coverage }) => coverage)),
    comparisons,
    device: ops.device,
    backend: ops.description,
    compute: ops.compute,
    seconds: (performance.now() - begin) / 1000,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    notes,
  };
}
