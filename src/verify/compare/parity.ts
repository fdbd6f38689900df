import type { Golden } from "../golden/read.ts";
import { compareLogits, maxMagnitude, type PromptMetrics } from "./metrics.ts";
import type { Laboratory } from "./model-runner.ts";
import { measureNoise, reordered } from "./noise.ts";
import {
  largest,
  runAgainstGolden,
  runInStep,
  type LayerDifference,
  type RunOptions,
} from "./run-model.ts";
import { gateOf, klTolerance, type Gate, type ToleranceProfile } from "./tolerance.ts";

export interface ParityOptions extends RunOptions {
  readonly compute: "f32" | "f16" | "bf16";
  readonly profile: ToleranceProfile;
  /** Takes the place of the gate's own number, on logits. */
  readonly maxAbs?: number | undefined;
  /** Takes the place of the gate's own number, in nats. */
  readonly kl?: number | undefined;
  /** Measures the model's own noise: the same weights, summed in another order. */
  readonly calibrate: boolean;
}

/** Two ways to the same logits, held against each other. */
export interface Parity {
  readonly passes: boolean;
  readonly prompts: readonly PromptMetrics[];
  readonly gate: Gate;
  /** Largest difference that another order of summation makes; null where it was not measured. */
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
}

/** A model's logits against those of a golden. */
export async function parityWithGolden(
  laboratory: Laboratory,
  golden: Golden,
  options: ParityOptions,
): Promise<Parity> {
  const runner = await laboratory.open();
  try {
    const { logits, curve } = await runAgainstGolden(runner, golden, options);
    return await judge(
      laboratory,
      {
        names: golden.prompts.map(({ name }) => name),
        ids: golden.prompts.map(({ ids }) => ids),
        positions: golden.prompts.map(({ positions }) => positions),
        ours: logits,
        reference: golden.prompts.map((prompt) => prompt.logits),
        curve,
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
    const positions = ids.map((list) => list.map((_id, position) => position));
    const run = await runInStep(ours, theirs, ids, positions, options);
    return await judge(
      laboratory,
      {
        names: prompts.map(({ name }) => name),
        ids,
        positions,
        ours: run.logits,
        reference: run.reference,
        curve: run.curve,
      },
      options,
    );
  } finally {
    await ours.close();
    await theirs.close();
  }
}

async function judge(
  laboratory: Laboratory,
  compared: Compared,
  options: ParityOptions,
): Promise<Parity> {
  const noise = options.calibrate ? await noiseOf(laboratory, compared, options) : undefined;
  const scale = largest(compared.reference.map(maxMagnitude));
  const gate = gateFor(laboratory, scale, noise, options);
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
  const isComparable = noise !== undefined && noise > 0 && Number.isFinite(maxAbs);
  return {
    passes: failures.length === 0,
    prompts,
    gate,
    noise: noise ?? null,
    timesNoise: isComparable ? maxAbs / noise : null,
    curve: compared.curve,
    failures,
  };
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

function gateFor(
  laboratory: Laboratory,
  scale: number,
  noise: number | undefined,
  options: ParityOptions,
): Gate {
  const { compute, profile, maxAbs, kl } = options;
  const { layers } = laboratory.config;
  const gate = gateOf({
    compute,
    layers,
    scale: Number.isFinite(scale) ? scale : 0,
    noise,
    profile,
  });
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
