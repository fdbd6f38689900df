import {
  COMPUTE_NAME,
  gateOf,
  klTolerance,
  PROFILE_FACTOR,
  SHAKEN_FACTOR,
  short,
  UNIT,
  type ComputeKind,
  type Gate,
  type ToleranceProfile,
} from "../compare/tolerance.ts";
import type { Size } from "./residuals.ts";

/** What a server's log-probabilities may differ by. */
export interface EndpointGate extends Gate {
  /** On the root of the mean square over all values: many small differences are one large one. */
  readonly rms: number;
}

export interface EndpointGateFacts {
  readonly compute: ComputeKind;
  readonly layers: number;
  /** Largest |log-probability| that was told. */
  readonly scale: number;
  /** What one rounding unit on every state makes of the values that were told. */
  readonly noise: Size;
  readonly profile: ToleranceProfile;
  readonly maxAbs: number | undefined;
  readonly kl: number | undefined;
}

/** How many times the noise's own mean is allowed: layers round several times where the shaken states are moved once. */
const RMS_FACTOR = 4;

/**
 * The gate of a comparison with a server. What the model's own noise allows decides; the bound from rounding units alone, which
 * is far above it in a half dtype, is taken for float32 only, and where no noise could be measured.
 */
export function endpointGate(facts: EndpointGateFacts): EndpointGate {
  const { compute, layers, scale, noise, profile, maxAbs, kl } = facts;
  const factor = PROFILE_FACTOR[profile];
  const measured = noise.max > 0;
  const base = gateOf({
    compute: measured ? "f32" : compute,
    layers,
    scale,
    shaken: measured ? noise.max : undefined,
    reordered: undefined,
    referenceError: undefined,
    profile,
  });
  const origin = measured
    ? [
        `noise of this model's log-probabilities, its states moved by one rounding unit of ${COMPUTE_NAME[compute]} after each layer: at most ${short(noise.max)}, ${short(noise.rms)} in the mean; ${factor * SHAKEN_FACTOR} and ${factor * RMS_FACTOR} times that are allowed`,
      ]
    : base.origin;
  const floor = 2 * UNIT.f32 * Math.sqrt(layers + 1) * Math.max(scale, 1);
  const rms = Math.max(factor * (measured ? RMS_FACTOR * noise.rms : base.maxAbs / 2), floor);
  if (maxAbs === undefined && kl === undefined) return { ...base, rms, origin };
  return {
    maxAbs: maxAbs ?? base.maxAbs,
    kl: kl ?? klTolerance(maxAbs ?? base.maxAbs),
    rms: maxAbs ?? rms,
    origin: [
      ...(maxAbs === undefined ? origin : [`--max-abs ${maxAbs}, as asked`]),
      ...(kl === undefined ? [] : [`--kl ${kl}, as asked`]),
    ],
  };
}
