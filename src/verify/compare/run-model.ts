import type { Golden, GoldenPrompt } from "../golden/read.ts";
import { firstColumns } from "../golden/vocabulary.ts";
import { maxDifference, maxMagnitude } from "./metrics.ts";
import type { ModelRunner, RunnerStates } from "./model-runner.ts";
import { ShakenCopies, type ShakeOptions } from "./shaken.ts";

/** How far apart two models are after a step, largest over all prompts. */
export interface LayerDifference {
  /** "embeddings", "layer 0", …, "final norm". */
  readonly step: string;
  readonly maxAbs: number;
  /** Largest value of the reference there. */
  readonly scale: number;
}

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onLayer?: ((done: number, total: number) => void) | undefined;
}

export interface ModelRun {
  /** [positions, vocab] of each prompt. */
  readonly logits: readonly Float32Array[];
  /** Against the reference's hidden states; empty where there are none. */
  readonly curve: readonly LayerDifference[];
  readonly shaken: ShakenNoise;
}

/** What one rounding unit on every state makes of the logits. */
export interface ShakenNoise {
  readonly noise: number;
  /** How many of the prompts it was measured on. */
  readonly prompts: number;
}

/** Runs a model on a golden's prompts and holds its hidden states against the golden's, where it has them. */
export async function runAgainstGolden(
  runner: ModelRunner,
  golden: Golden,
  shake: ShakeOptions,
  options: RunOptions = {},
): Promise<ModelRun> {
  const { prompts } = golden;
  const ids = prompts.map((prompt) => prompt.ids);
  const copies = new ShakenCopies(ids, shake);
  const curve: LayerDifference[] = [];
  const hold = (step: string, states: readonly RunnerStates[], layer: number): void => {
    const difference = stateDifference(states, prompts, layer, step);
    if (difference !== undefined) curve.push(difference);
  };
  let states = copies.shake(await runner.embed(copies.withCopies(ids)));
  hold("embeddings", states, 0);
  for (let layer = 0; layer < runner.layers; layer++) {
    options.signal?.throwIfAborted();
    states = copies.shake(await runner.runLayer(layer, states), states);
    // The last hidden states of a golden are those after the final norm.
    if (layer < runner.layers - 1) hold(`layer ${layer}`, states, layer + 1);
    options.onLayer?.(layer + 1, runner.layers);
  }
  const normed = copies.shake(await runner.finalNorm(states));
  hold("final norm", normed, runner.layers);
  const logits = await runner.head(
    normed,
    copies.withCopies(prompts.map(({ positions }) => positions)),
  );
  return {
    logits: copies.own(logits),
    curve,
    shaken: { noise: copies.noise(logits), prompts: copies.prompts },
  };
}

/** A golden's prompts through the whole model, for their logits alone. */
export async function logitsOn(
  runner: ModelRunner,
  { prompts, vocabSize }: Golden,
): Promise<readonly Float32Array[]> {
  let states = await runner.embed(prompts.map(({ ids }) => ids));
  for (let layer = 0; layer < runner.layers; layer++) states = await runner.runLayer(layer, states);
  const logits = await runner.head(
    await runner.finalNorm(states),
    prompts.map(({ positions }) => positions),
  );
  return logits.map((values) => firstColumns(values, runner.outputWidth, vocabSize));
}

function stateDifference(
  states: readonly RunnerStates[],
  prompts: readonly GoldenPrompt[],
  layer: number,
  step: string,
): LayerDifference | undefined {
  const withStates = prompts.flatMap(({ hiddenStates }, index) => {
    const reference = hiddenStates[layer];
    const ours = states[index]?.data;
    return reference === undefined || ours === undefined ? [] : [{ reference, ours }];
  });
  if (withStates.length === 0) return undefined;
  return {
    step,
    maxAbs: largest(withStates.map(({ ours, reference }) => maxDifference(ours, reference))),
    scale: largest(withStates.map(({ reference }) => maxMagnitude(reference))),
  };
}

/** The largest of several numbers and 0; NaN where one of them is. */
export function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

/** Runs two models in step, layer by layer, so that each file is read once and neither need fit as a whole. */
export async function runInStep(
  ours: ModelRunner,
  reference: ModelRunner,
  prompts: readonly (readonly number[])[],
  positions: readonly (readonly number[])[],
  shake: ShakeOptions,
  options: RunOptions = {},
): Promise<ModelRun & { readonly reference: readonly Float32Array[] }> {
  const copies = new ShakenCopies(prompts, shake);
  const curve: LayerDifference[] = [];
  let left = copies.shake(await ours.embed(copies.withCopies(prompts)));
  let right = await reference.embed(prompts);
  const hold = (step: string): void => {
    curve.push(pairDifference(step, copies.own(left), right));
  };
  hold("embeddings");
  const layers = Math.min(ours.layers, reference.layers);
  for (let layer = 0; layer < layers; layer++) {
    options.signal?.throwIfAborted();
    left = copies.shake(await ours.runLayer(layer, left), left);
    right = await reference.runLayer(layer, right);
    hold(`layer ${layer}`);
    options.onLayer?.(layer + 1, layers);
  }
  left = copies.shake(await ours.finalNorm(left));
  right = await reference.finalNorm(right);
  hold("final norm");
  const logits = await ours.head(left, copies.withCopies(positions));
  return {
    logits: copies.own(logits),
    reference: await reference.head(right, positions),
    curve,
    shaken: { noise: copies.noise(logits), prompts: copies.prompts },
  };
}

function pairDifference(
  step: string,
  left: readonly RunnerStates[],
  right: readonly RunnerStates[],
): LayerDifference {
  return {
    step,
    maxAbs: largest(
      left.map(({ data }, index) => maxDifference(data, right[index]?.data ?? new Float32Array(0))),
    ),
    scale: largest(right.map(({ data }) => maxMagnitude(data))),
  };
}
