import { outputPositions } from "../../model/encoder-heads.ts";
import type { Golden } from "../golden/read.ts";
import { compareLogits, maxDifference, maxMagnitude, type PromptMetrics } from "./metrics.ts";
import type { Laboratory } from "./model-runner.ts";
import { measureNoise, reordered } from "./noise.ts";
import {
  largest,
  runAgainstGolden,
  runInStep,
  type LayerDifference,
  type RunOptions,
  type ShakenNoise,
} from "./run-model.ts";
import {
  COMPUTE_NAME,
  gateOf,
  klTolerance,
  type ComputeKind,
  type Gate,
  type GateFacts,
  type ToleranceProfile,
} from "./tolerance.ts";
import { arithmeticOf, coarserCompute } from "../golden/arithmetic.ts";
import { firstColumns } from "../golden/vocabulary.ts";

export interface ParityOptions extends RunOptions {
  readonly compute: ComputeKind;
  readonly profile: ToleranceProfile;
  /** Takes the place of the gate's own number, on logits. */
  readonly maxAbs?: number | undefined;
  /** Takes the place of the gate's own number, in nats. */
  readonly kl?: number | undefined;
  /** Measures the model's own noise in a run of its own, too: the same weights, summed in another order. */
  readonly calibrate: boolean;
  /** Tokens of the prompts that the noise of shaken states is measured on. */
  readonly shakenTokens: number;
}

/** Two ways to the same logits, held against each other. */
export interface Parity {
  readonly passes: boolean;
  /** What is compared; logits when left out. */
  readonly quantity?: "log-probabilities";
  readonly prompts: readonly PromptMetrics[];
  readonly gate: Gate;
  /** What the coarser of the two sides computed in, which the gate is for. */
  readonly compute: ComputeKind;
  /** How the noise was measured, and on how much. */
  readonly calibration: string;
  /** The reference's own largest error against its float64 logits; null where it has none. */
  readonly referenceError: number | null;
  /** The model's own noise, the larger where it was measured in two ways; null where no measurement came to anything. */
  readonly noise: number | null;
  /** The largest difference over the noise; null where it was not measured or is 0. */
  readonly timesNoise: number | null;
  /** Difference after each layer; empty where the reference has no hidden states. */
  readonly curve: readonly LayerDifference[];
  /** Why it does not pass; empty when it does. */
  readonly failures: readonly string[];
}

interface Compared {
  readonly names: readonly string[];
  readonly ids: readonly (readonly number[])[];
  readonly positions: readonly (readonly number[])[];
  readonly ours: readonly Float32Array[];
  readonly reference: readonly Float32Array[];
  readonly curve: readonly LayerDifference[];
  readonly shaken: ShakenNoise;
  readonly compute: ComputeKind;
  /** Undefined where the reference has no float64 logits. */
  readonly referenceError: number | undefined;
}

/** A model's logits against those of a golden. */
export async function parityWithGolden(
  laboratory: Laboratory,
  golden: Golden,
  options: ParityOptions,
): Promise<Parity> {
  const arithmetic = arithmeticOf(golden);
  const compute = coarserCompute(options.compute, arithmetic.compute);
  const runner = await laboratory.open();
  try {
    const shake = { compute, tokens: options.shakenTokens };
    const { logits, curve, shaken } = await runAgainstGolden(runner, golden, shake, options);
    return await judge(
      laboratory,
      {
        names: golden.prompts.map(({ name }) => name),
        ids: golden.prompts.map(({ ids }) => ids),
        positions: golden.prompts.map(({ positions }) => positions),
        ...commonColumns(
          { logits, vocab: runner.outputWidth },
          {
            logits: golden.prompts.map(({ logits: values, exactLogits }) => exactLogits ?? values),
            vocab: golden.vocabSize,
          },
        ),
        curve,
        shaken,
        compute,
        // A coarser reference's error is no measure of what ours may have.
        referenceError: arithmetic.compute === "f32" ? referenceErrorOf(golden) : undefined,
      },
      options,
    );
  } finally {
    await runner.close();
  }
}

export interface NamedPrompt {
  readonly name: string;
  readonly ids: readonly number[];
}

/** Two models' logits on the same prompts, layer by layer in step. */
export async function parityOfModels(
  laboratory: Laboratory,
  other: Laboratory,
  prompts: readonly NamedPrompt[],
  options: ParityOptions,
): Promise<Parity> {
  const ours = await laboratory.open();
  const theirs = await other.open();
  try {
    const ids = prompts.map((prompt) => prompt.ids);
    const positions = ids.map((list) => outputPositions(laboratory.config, list.length));
    const shake = { compute: options.compute, tokens: options.shakenTokens };
    const run = await runInStep(ours, theirs, ids, positions, shake, options);
    return await judge(
      laboratory,
      {
        names: prompts.map(({ name }) => name),
        ids,
        positions,
        ...commonColumns(
          { logits: run.logits, vocab: ours.outputWidth },
          { logits: run.reference, vocab: theirs.outputWidth },
        ),
        curve: run.curve,
        shaken: run.shaken,
        compute: options.compute,
        referenceError: undefined,
      },
      options,
    );
  } finally {
    await ours.close();
    await theirs.close();
  }
}

interface Side {
  /** [positions, vocab] of each prompt. */
  readonly logits: readonly Float32Array[];
  readonly vocab: number;
}

/** Both sides' logits of the tokens that both have: the first ones, where one vocabulary is padded. */
function commonColumns(ours: Side, reference: Side): Pick<Compared, "ours" | "reference"> {
  const width = Math.min(ours.vocab, reference.vocab);
  const cut = ({ logits, vocab }: Side): readonly Float32Array[] =>
    logits.map((values) => firstColumns(values, vocab, width));
  return { ours: cut(ours), reference: cut(reference) };
}

/** How far the golden's float32 logits are from its float64 ones. */
function referenceErrorOf({ prompts }: Golden): number | undefined {
  const errors = prompts.flatMap(({ logits, exactLogits }) =>
    exactLogits === undefined ? [] : [maxDifference(logits, exactLogits)],
  );
  return errors.length === 0 ? undefined : largest(errors);
}

async function judge(
  laboratory: Laboratory,
  compared: Compared,
  options: ParityOptions,
): Promise<Parity> {
  const { shaken, compute, referenceError } = compared;
  const isReordered = options.calibrate && compute === "f32";
  const secondRun = isReordered ? await noiseOf(laboratory, compared, options) : undefined;
  const scale = largest(compared.reference.map(maxMagnitude));
  const gate = gateFor(
    {
      compute,
      layers: laboratory.config.layers,
      scale: Number.isFinite(scale) ? scale : 0,
      shaken: shaken.noise,
      reordered: secondRun,
      referenceError,
      profile: options.profile,
    },
    options,
  );
  const prompts = compared.names.map((name, index) =>
    compareLogits(
      name,
      compared.ours[index] ?? new Float32Array(0),
      compared.reference[index] ?? new Float32Array(0),
      compared.positions[index] ?? [],
      gate.maxAbs,
    ),
  );
  const failures = failuresOf(prompts, gate);
  const maxAbs = largest(prompts.map((prompt) => prompt.maxAbs));
  // Exactly 0 was not measured: two ways that give the same bits say nothing about a third.
  const noise = Math.max(shaken.noise, secondRun ?? 0);
  return {
    passes: failures.length === 0,
    prompts,
    gate,
    compute,
    calibration: calibrationText(compared, secondRun),
    referenceError: referenceError ?? null,
    noise: noise > 0 ? noise : null,
    timesNoise: noise > 0 && Number.isFinite(maxAbs) ? maxAbs / noise : null,
    curve: compared.curve,
    failures,
  };
}

function calibrationText(
  { shaken, ids, compute }: Compared,
  secondRun: number | undefined,
): string {
  const by = `noise measured by moving every state by one ${COMPUTE_NAME[compute]} rounding unit, on ${shaken.prompts} of ${ids.length} prompts`;
  if (secondRun === undefined) return by;
  return secondRun > 0
    ? `${by}, and by another order of summation, on all prompts`
    : `${by}; another order of summation gave the same bits, and measured nothing`;
}

async function noiseOf(
  laboratory: Laboratory,
  { ids, positions, ours }: Compared,
  { signal }: ParityOptions,
): Promise<number> {
  const runner = await laboratory.open(reordered(laboratory));
  try {
    return await measureNoise(runner, ids, positions, ours, signal);
  } finally {
    await runner.close();
  }
}

function gateFor(facts: GateFacts, { maxAbs, kl }: ParityOptions): Gate {
  const gate = gateOf(facts);
  if (maxAbs === undefined && kl === undefined) return gate;
  const origin = [
    ...(maxAbs === undefined ? gate.origin : [`--max-abs ${maxAbs}, as asked`]),
    ...(kl === undefined ? [] : [`--kl ${kl}, as asked`]),
  ];
  return { maxAbs: maxAbs ?? gate.maxAbs, kl: kl ?? klTolerance(maxAbs ?? gate.maxAbs), origin };
}

function failuresOf(prompts: readonly PromptMetrics[], gate: Gate): readonly string[] {
  const failures: string[] = [];
  if (prompts.every(({ positions }) => positions === 0)) failures.push("nothing was compared");
  for (const { name, positions, maxAbs, kl } of prompts) {
    if (positions === 0) failures.push(`${name}: the two sides have different sizes`);
    else if (!Number.isFinite(maxAbs)) failures.push(`${name}: one side has NaN or infinity`);
    else if (!(maxAbs <= gate.maxAbs))
      failures.push(
        `${name}: logits differ by ${maxAbs.toExponential(2)}, allowed are ${gate.maxAbs.toExponential(2)}`,
      );
    else if (!(kl <= gate.kl))
      failures.push(
        `${name}: KL divergence ${kl.toExponential(2)}, allowed is ${gate.kl.toExponential(2)}`,
      );
  }
  return failures;
}
