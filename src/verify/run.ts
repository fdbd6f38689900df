import type { ImportanceMatrix } from "../formats/gguf/importance/importance-matrix.ts";
import { weakenedBy, type Weakened } from "../options/weakening.ts";
import { openDevice } from "../runtime/backends/device.ts";
import type { ComputeDtype, Ops } from "../runtime/backends/ops.ts";
import { configOf } from "../session/open-model.ts";
import type { ParityOptions } from "./compare/parity.ts";
import { scanValues } from "./compare/scan-values.ts";
import { broken } from "./comparison.ts";
import { againstEndpoint, againstGolden, againstOther } from "./comparisons.ts";
import { joinedCoverage, oddRows } from "./coverage.ts";
import { damagedDiagnoses } from "./damaged.ts";
import { endpointOf } from "./endpoint/address.ts";
import { inputsOf } from "./inputs.ts";
import { withMatrix } from "./quantised/given-matrix.ts";
import { references, type References } from "./references.ts";
import type { Comparison, VerifyOptions, VerifyResult } from "./result.ts";
import { openBench, type Bench, type BenchOptions } from "./subject.ts";
import { compareWithinFolder } from "./tokenizers/folder.ts";

/** Parameters up to which two files' tensors are compared, and noise is measured in a run of its own, unasked: beyond, each takes minutes. */
const SMALL_PARAMETERS = 1e9;

/** Tokens of the prompts that noise is measured on along the way: of small models nearly all, of large ones a few short prompts. */
const SHAKEN_TOKENS = { small: 512, large: 64 } as const;

/**
 * Proves that a model gives the logits of a golden file, of another checkpoint, or of the other sets of weights in its folder;
 * says what is wrong where it does not.
 * @throws WbError of the readers and the runtime; WB2911 when there is nothing to compare with, WB2912 for a matrix that nothing is judged by; WB3911, WB3912, WB3513.
 */
export async function verify(path: string, options: VerifyOptions = {}): Promise<VerifyResult> {
  const begin = performance.now();
  // Before a large model is opened: what is wrong with an address is wrong at once.
  const server =
    options.endpoint === undefined
      ? undefined
      : endpointOf(options.endpoint.url, options.endpoint.apiKeyEnv, process.env);
  const held = await references(path, options);
  return withMatrix(options.imatrix, (matrix) =>
    verifyAgainst(held, server?.url, matrix, options, begin),
  );
}

async function verifyAgainst(
  { main, others, notes }: References,
  server: string | undefined,
  matrix: ImportanceMatrix | undefined,
  options: VerifyOptions,
  begin: number,
): Promise<VerifyResult> {
  const { device = "auto", compute = "f32", verbose = false } = options;
  const { signal } = options;
  const backend = await openDevice({ device, compute, verbose, signal });
  const settings = { ...benchOptions(options, compute), matrix };
  const [second] = others;
  const fallback = second === undefined ? undefined : await configOf(second, options.selection);
  const bench = await openBench(main, backend, settings, fallback);
  try {
    const tokenizers = await compareWithinFolder(bench.folder, options.tokenizer);
    const comparisons: Comparison[] = [];
    const told = [
      ...notes,
      ...bench.notes,
      ...bench.passedOver,
      ...tokenizers.notes,
      `device: ${backend.why}`,
    ];
    const inputs = [...(await inputsOf(bench.model))];
    if (options.golden !== undefined) inputs.push({ role: "golden", path: options.golden });
    if (!bench.isComplete)
      comparisons.push(broken(bench, options.golden ?? server ?? others[0] ?? main));
    else {
      const { tensors: scanned, checksums } = await scanValues(bench.tensors, options.signal);
      const damaged = await damagedDiagnoses(bench.tensors, options.signal, { known: checksums });
      const sized = { ...withSize(bench, options), tokenizers, damaged };
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
      if (comparisons.every(({ verdict }) => verdict === "pass"))
        told.push(...damaged.map(({ evidence }) => evidence));
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
  const { sourceLayout, tokenizer } = options;
  return {
    parity,
    tokenizer,
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
