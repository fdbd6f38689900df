import { WbError } from "../errors/wb-error.ts";
import type { ConfigFields } from "./config-fields.ts";

/** How rotary angles change with the length or beyond the trained context. */
export type RopeScaling =
  | { readonly kind: "none" }
  /**
   * base' = base · (factor · L / M − (factor − 1))^(d / (d − 2)) while L, the number of keys, exceeds M, the trained
   * context. `wholeCache`: all cached keys are rotated again with the table for L (InternLM); else each key keeps the
   * rotation of the step in which it was computed (transformers).
   */
  | { readonly kind: "dynamic-ntk"; readonly factor: number; readonly wholeCache: boolean }
  /** Positions are divided by the factor. */
  | { readonly kind: "linear"; readonly factor: number }
  | {
      readonly kind: "llama3";
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalMaxPositions: number;
    }
  | {
      readonly kind: "yarn";
      readonly factor: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      readonly originalMaxPositions: number;
      /** Factor on cos and sin; 0.1 · ln(factor) + 1 where config.json leaves it out. */
      readonly attentionFactor: number;
    };

export interface RopeConfig {
  /** The base of the geometric series of wavelengths. */
  readonly theta: number;
  readonly scaling: RopeScaling;
}

/**
 * The rotary settings of config.json in every spelling: InternLM's `rotary` (2023-11), `rope_theta` with `rope_scaling`
 * (transformers 4), `rope_parameters` (transformers 5).
 * @param wholeCache Whether "dynamic" rotates the whole cache again, which is a trait of the family's code.
 */
export function parseRope(
  config: ConfigFields,
  maxPositions: number,
  wholeCache: boolean,
): RopeConfig {
  const rotary = config.object("rotary");
  if (rotary !== undefined) return parseRotary(rotary, wholeCache);
  const parameters = config.object("rope_parameters");
  const scaling = parameters ?? config.object("rope_scaling");
  const theta =
    parameters?.positive(10_000, "rope_theta") ??
    config.positive(10_000, "rope_theta", "rotary_base");
  return {
    theta,
    scaling:
      scaling === undefined ? { kind: "none" } : parseScaling(scaling, maxPositions, wholeCache),
  };
}

/** `{"base": 10000, "type": "dynamic" | "origin", "scaling_factor": 1.0}`; the class's default type is "dynamic". */
function parseRotary(rotary: ConfigFields, wholeCache: boolean): RopeConfig {
  const theta = rotary.positive(10_000, "base");
  const type = rotary.text("dynamic", "type");
  if (type === "origin") return { theta, scaling: { kind: "none" } };
  if (type !== "dynamic") throw rotary.problem("type", '"dynamic" or "origin"', type);
  return {
    theta,
    scaling: { kind: "dynamic-ntk", factor: rotary.positive(1, "scaling_factor"), wholeCache },
  };
}

function parseScaling(
  scaling: ConfigFields,
  maxPositions: number,
  wholeCache: boolean,
): RopeScaling {
  const type = scaling.text("default", "rope_type", "type");
  const factor = (): number => scaling.positive(1, "factor");
  const originalMaxPositions = (): number =>
    scaling.optionalCount("original_max_position_embeddings") ?? maxPositions;
  switch (type) {
    case "default":
      return { kind: "none" };
    case "dynamic":
      return { kind: "dynamic-ntk", factor: exactFactor(factor()), wholeCache };
    case "linear":
      return { kind: "linear", factor: factor() };
    case "llama3":
      return {
        kind: "llama3",
        factor: factor(),
        lowFreqFactor: scaling.positive(1, "low_freq_factor"),
        highFreqFactor: scaling.positive(4, "high_freq_factor"),
        originalMaxPositions: originalMaxPositions(),
      };
    case "yarn":
      return {
        kind: "yarn",
        factor: factor(),
        betaFast: scaling.positive(32, "beta_fast"),
        betaSlow: scaling.positive(1, "beta_slow"),
        originalMaxPositions: originalMaxPositions(),
        attentionFactor: scaling.positive(
          factor() <= 1 ? 1 : 0.1 * Math.log(factor()) + 1,
          "attention_factor",
        ),
      };
    default:
      throw new WbError(
        "WB4702",
        `${scaling.path}: rope type ${JSON.stringify(type)} is not supported`,
        {
          details: { field: "rope_type" },
        },
      );
  }
}

/** Converted folders have the number after 1 for 1, which transformers before 4.43 refuses. */
function exactFactor(factor: number): number {
  return Math.abs(factor - 1) <= Number.EPSILON ? 1 : factor;
}
