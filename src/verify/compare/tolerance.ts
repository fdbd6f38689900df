/** What a number may differ by, and why. */
export interface Gate {
  /** Absolute, on logits. */
  readonly maxAbs: number;
  /** Nats; mean over a prompt's positions. */
  readonly kl: number;
  /** Where the numbers come from; one sentence each. */
  readonly origin: readonly string[];
}

/** How much difference is allowed, as a multiple of what rounding explains. */
export type ToleranceProfile = "strict" | "default" | "loose";

export interface GateFacts {
  /** What the coarser of the two sides computes in. */
  readonly compute: "f32" | "f16" | "bf16";
  readonly layers: number;
  /** Largest |logit| of the reference. */
  readonly scale: number;
  /** Largest difference that another order of summation makes on the same weights; undefined where not measured. */
  readonly noise: number | undefined;
  readonly profile: ToleranceProfile;
}

/** Half a unit in the last place of 1. */
const UNIT: Readonly<Record<GateFacts["compute"], number>> = {
  f32: 2 ** -24,
  f16: 2 ** -11,
  bf16: 2 ** -8,
};

const NAME: Readonly<Record<GateFacts["compute"], string>> = {
  f32: "float32, 2⁻²⁴ relative",
  f16: "float16, 2⁻¹¹ relative",
  bf16: "bfloat16, 2⁻⁸ relative",
};

/** Units of rounding that a layer's sums may add up to: seen are 2 to 6 on models of 3 to 32 layers. */
const UNITS_PER_STEP = 12;

/** How many times the measured noise still counts as noise. */
const NOISE_FACTOR = 4;

const PROFILE_FACTOR: Readonly<Record<ToleranceProfile, number>> = {
  strict: 0.25,
  default: 1,
  loose: 16,
};

/**
 * The gate of a comparison. Rounding errors of independent steps add up like a random walk: units · √(layers + 1) · scale. The
 * measured noise of the very model raises it where the model amplifies more than that.
 */
export function gateOf(facts: GateFacts): Gate {
  const unit = UNIT[facts.compute];
  const factor = PROFILE_FACTOR[facts.profile];
  const analytic =
    UNITS_PER_STEP * unit * Math.sqrt(facts.layers + 1) * Math.max(facts.scale, 1e-3);
  const measured =
    facts.compute === "f32" && facts.noise !== undefined ? NOISE_FACTOR * facts.noise : 0;
  const maxAbs = factor * Math.max(analytic, measured);
  const origin = [
    `compute ${NAME[facts.compute]}: ${UNITS_PER_STEP} units · √(${facts.layers} layers + 1) · largest logit ${short(facts.scale)} = ${short(analytic)}`,
  ];
  if (facts.noise !== undefined) {
    origin.push(
      `noise of this model, measured with another order of summation: ${short(facts.noise)}; ${NOISE_FACTOR} times that is allowed`,
    );
  }
  if (factor !== 1) origin.push(`profile ${facts.profile}: times ${factor}`);
  return { maxAbs, kl: klTolerance(maxAbs), origin };
}

/** A difference of d on every logit moves the distribution by about d²/2 nats at most; four times that is allowed, and rounding. */
export function klTolerance(maxAbs: number): number {
  return Math.max(1e-9, 2 * maxAbs * maxAbs);
}

/** A number in three digits, as reports print it. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return "0";
  return Math.abs(value) >= 0.01 && Math.abs(value) < 10_000
    ? value.toPrecision(3)
    : value.toExponential(2);
}
