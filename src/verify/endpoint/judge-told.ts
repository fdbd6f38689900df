import { largest } from "../compare/run-model.ts";
import type { Parity } from "../compare/parity.ts";
import { COMPUTE_NAME, short, type ComputeKind } from "../compare/tolerance.ts";
import type { Bench } from "../subject.ts";
import { endpointGate, type EndpointGate } from "./endpoint-gate.ts";
import { shakenDistributionsOn, type Distributions } from "./own-logits.ts";
import { comparedValues, noiseSize, residualSize, wantedOf, type Size } from "./residuals.ts";
import type { ToldSequence } from "./told.ts";
import { toldMetrics, type ToldMetrics } from "./told-metrics.ts";

/** A server's log-probabilities against ours. */
export interface Judgement {
  readonly parity: Parity;
  readonly gate: EndpointGate;
  readonly own: Distributions;
  readonly values: number;
  readonly toldTop: number;
  readonly otherTop: number;
}

/** What a server may compute in, the finest first. */
const COMPUTES: readonly ComputeKind[] = ["f32", "f16", "bf16"];

/**
 * Judges by the noise of float32, and where that does not do, of float16 and bfloat16, which servers compute in. The first that
 * passes is taken, or the last.
 */
export async function judgeTold(
  bench: Bench,
  sequences: readonly ToldSequence[],
): Promise<Judgement> {
  const { parity } = bench.options;
  const finest = COMPUTES.indexOf(parity.compute);
  let judgement: Judgement | undefined;
  for (const compute of COMPUTES.slice(finest)) {
    judgement = await judgeWithin(bench, sequences, compute);
    if (judgement.parity.passes || parity.maxAbs !== undefined) break;
  }
  return judgement ?? judgeWithin(bench, sequences, parity.compute);
}

async function judgeWithin(
  { laboratory, options }: Bench,
  sequences: readonly ToldSequence[],
  compute: ComputeKind,
): Promise<Judgement> {
  const { parity } = options;
  const shake = { compute, tokens: parity.shakenTokens };
  const run = await shakenDistributionsOn(laboratory, wantedOf(sequences), shake, parity);
  const noise = noiseSize(sequences, run);
  const values = comparedValues(sequences, run.own);
  const gate = endpointGate({
    compute,
    layers: laboratory.config.layers,
    scale: largest(values.map(({ told }) => Math.abs(told))),
    noise,
    profile: parity.profile,
    maxAbs: parity.maxAbs,
    kl: parity.kl,
  });
  const prompts = sequences.map((sequence, index) =>
    toldMetrics(sequence, run.own[index] ?? [], gate.maxAbs),
  );
  const size = residualSize(values);
  const failures = failuresOf(prompts, size, gate);
  const copied = new Set(run.copies.map(({ of }) => of)).size;
  return {
    parity: {
      passes: failures.length === 0,
      quantity: "log-probabilities",
      prompts,
      gate,
      compute,
      calibration: `noise measured by moving every state by one ${COMPUTE_NAME[compute]} rounding unit, on ${copied} of ${sequences.length} prompts`,
      referenceError: null,
      noise: noise.max > 0 ? noise.max : null,
      timesNoise: noise.max > 0 && Number.isFinite(size.max) ? size.max / noise.max : null,
      curve: [],
      failures,
    },
    gate,
    own: run.own,
    values: values.length,
    toldTop: prompts.reduce((sum, one) => sum + one.toldTop, 0),
    otherTop: prompts.reduce((sum, one) => sum + one.otherTop, 0),
  };
}

function failuresOf(
  prompts: readonly ToldMetrics[],
  size: Size,
  gate: EndpointGate,
): readonly string[] {
  if (size.count === 0) return ["nothing was compared"];
  const own = prompts.flatMap(({ name, maxAbs, kl, otherTop, toldTop }) => {
    if (!Number.isFinite(maxAbs)) return [`${name}: one side has NaN or infinity`];
    if (!(maxAbs <= gate.maxAbs))
      return [
        `${name}: log-probabilities differ by ${short(maxAbs)}, allowed are ${short(gate.maxAbs)}`,
      ];
    if (!(kl <= gate.kl))
      return [`${name}: KL divergence ${short(kl)}, allowed is ${short(gate.kl)}`];
    return otherTop > 0
      ? [`${name}: the likeliest tokens are others in ${otherTop} of ${toldTop} rows`]
      : [];
  });
  if (own.length > 0 || size.rms <= gate.rms) return own;
  return [
    `log-probabilities differ by ${short(size.rms)} in the mean over ${size.count} values, allowed are ${short(gate.rms)}`,
  ];
}
