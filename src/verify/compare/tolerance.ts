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

/** What a side computes in. */
export type ComputeKind = "f32" | "f16" | "bf16";

export interface GateFacts {
  /** What the coarser of the two sides computes in. */
  readonly compute: ComputeKind;
  readonly layers: number;
  /** Largest |logit| of the reference. */
  readonly scale: number;
  /** What one rounding unit on every state makes in the logits of this model; undefined where not measured. */
  readonly shaken: number | undefined;
  /** Largest difference that another order of summation makes on the same weights; undefined where not measured. */
  readonly reordered: number | undefined;
  /** The reference's own error, where it carries one: its logits against the same in float64. */
  readonly referenceError: number | undefined;
  readonly profile: ToleranceProfile;
}

/** Half a unit in the last place of 1. */
export const UNIT: Readonly<Record<ComputeKind, number>> = {
  f32: 2 ** -24,
  f16: 2 ** -11,
  bf16: 2 ** -8,
};

/** What computes in so many bits is called. */
export const COMPUTE_NAME: Readonly<Record<ComputeKind, string>> = {
  f32: "float32",
  f16: "float16",
  bf16: "bfloat16",
};

const RELATIVE: Readonly<Record<ComputeKind, string>> = {
  f32: "2⁻²⁴ relative",
  f16: "2⁻¹¹ relative",
  bf16: "2⁻⁸ relative",
};

/** Units of rounding that a layer's sums may add up to: seen are 2 to 6 on models of 3 to 32 layers. */
const UNITS_PER_STEP = 12;

/**
 * How many times the noise of shaken states is allowed: over 300 drawn LLaMA shapes against transformers, right models differ by
 * 3.3 times it at most, on wasm and on the CPU.
 */
export const SHAKEN_FACTOR = 6;

/** How many times the noise of another order of summation is allowed. */
const REORDERED_FACTOR = 4;

/** How many times the reference's own error is allowed: ours is of its size, or smaller. */
const REFERENCE_FACTOR = 4;

/** How much of the tolerance a profile allows. */
export const PROFILE_FACTOR: Readonly<Record<ToleranceProfile, number>> = {
  strict: 0.25,
  default: 1,
  loose: 16,
};

/**
 * The gate of a comparison. Rounding errors of independent steps add up like a random walk: units · √(layers + 1) · scale. What
 * was measured on the very model raises it where the model makes errors greater than that. A measured 0 says that nothing was
 * measured, and raises nothing.
 */
export function gateOf(facts: GateFacts): Gate {
  const factor = PROFILE_FACTOR[facts.profile];
  const analytic =
    UNITS_PER_STEP *
    UNIT[facts.compute] *
    Math.sqrt(facts.layers + 1) *
    Math.max(facts.scale, 1e-3);
  const measured = measuredSources(facts);
  const maxAbs = factor * Math.max(analytic, ...measured.map(({ allowed }) => allowed));
  const origin = [
    `compute ${COMPUTE_NAME[facts.compute]}, ${RELATIVE[facts.compute]}: ${UNITS_PER_STEP} units · √(${facts.layers} layers + 1) · largest logit ${short(facts.scale)} = ${short(analytic)}`,
    ...measured.map(({ text }) => text),
  ];
  if (factor !== 1) origin.push(`profile ${facts.profile}: times ${factor}`);
  return { maxAbs, kl: klTolerance(maxAbs), origin };
}

interface Source {
  readonly allowed: number;
  readonly text: string;
}

function measuredSources(facts: GateFacts): readonly Source[] {
  const { compute, shaken = 0, reordered = 0, referenceError = 0 } = facts;
  const sources: Source[] = [];
  const add = (factor: number, value: number, what: string): void => {
    if (value > 0)
      sources.push({
        allowed: factor * value,
        text: `${what}: ${short(value)}; ${factor} times that is allowed`,
      });
  };
  add(
    SHAKEN_FACTOR,
    shaken,
    `noise of this model, its states moved by one rounding unit of ${COMPUTE_NAME[compute]} after each layer`,
  );
  // Another order of summation is computed in float32: it tells nothing about a coarser dtype.
  if (compute === "f32")
    add(
      REORDERED_FACTOR,
      reordered,
      "noise of this model, measured with another order of summation",
    );
  add(REFERENCE_FACTOR, referenceError, "the reference's own error, against its float64 logits");
  return sources;
}

/** A difference of d on every logit moves the distribution by about d²/2 nats at most; four times that is allowed, and rounding. */
export function klTolerance(maxAbs: number): number {
  return Math.max(1e-9, 2 * maxAbs * maxAbs);
}

/** A number in three digits, as reports print it. */
export function short(value: number): string {
  if (value === 0) return "0";
  return Math.abs(value) >= 0.01 ? value.toPrecision(3) : value.toExponential(2);
}
