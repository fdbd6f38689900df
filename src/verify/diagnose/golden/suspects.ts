import { maxDifference, maxMagnitude } from "../../compare/metrics.ts";
import { largest } from "../../compare/run-model.ts";
import { UNIT, type ComputeKind } from "../../compare/tolerance.ts";
import type { LocalLab, Part } from "./local-lab.ts";
import type { Departure } from "./search.ts";

/** Rounding units that one layer's sums may differ by, relative to the largest state: seen are 2 to 8. */
const UNITS = 48;

/** How many times what one unit on every state makes of a part counts as its noise: the same as for whole models. */
const SHAKEN_FACTOR = 6;

/** One part of the model, run on the golden's own states. */
export interface MeasuredPart extends Departure {
  readonly part: Part;
  /** Whether it is further from the golden than rounding explains. */
  readonly departs: boolean;
}

/** Runs every part of the model on the golden's own states. The signal ends it between two parts. */
export async function measureParts(
  lab: LocalLab,
  compute: ComputeKind,
  signal: AbortSignal | undefined,
): Promise<readonly MeasuredPart[]> {
  const { layers } = lab.laboratory.config;
  const parts: Part[] = [
    { kind: "embeddings" },
    ...Array.from({ length: layers }, (_unused, index): Part => ({ kind: "layer", index })),
    { kind: "head" },
  ];
  const measured: MeasuredPart[] = [];
  for (const part of parts) {
    signal?.throwIfAborted();
    lab.forget();
    measured.push(await measurePart(lab, part, compute));
  }
  return measured;
}

async function measurePart(lab: LocalLab, part: Part, compute: ComputeKind): Promise<MeasuredPart> {
  const outputs = await lab.outputs(part);
  const before = largest(outputs.map(({ ours, reference }) => maxDifference(ours, reference)));
  const scale = Math.max(largest(outputs.map(({ reference }) => maxMagnitude(reference))), 1e-3);
  const analytic = UNITS * UNIT[compute] * scale;
  if (before <= analytic) return { part, before, noise: analytic, scale, departs: false };
  const shaken = await lab.shakenNoise(part, compute);
  const noise = Math.max(analytic, Number.isFinite(shaken) ? SHAKEN_FACTOR * shaken : 0);
  return { part, before, noise, scale, departs: !(before <= noise) };
}
