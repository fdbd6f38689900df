import { WbError } from "../../errors/wb-error.ts";
import type { ConfigFields } from "./fields.ts";

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
      /** Factor on cos and sin; 0.1 · ln(factor) + 1 where config.json leaves it out, and `mscale` too. */
      readonly attentionFactor: number;
      /** Whether the first and last blended dimensions are rounded to whole numbers. */
      readonly truncate: boolean;
    }
  /** Each frequency is divided by a factor of its own: one of `long` where there are more keys than the original positions. */
  | {
      readonly kind: "longrope";
      readonly short: readonly number[];
      readonly long: readonly number[];
      readonly originalMaxPositions: number;
      /** Factor on cos and sin. */
      readonly attentionFactor: number;
    }
  /** The first `dims` of a head's D dimensions are rotated as all of them would be, and divided by the factor; the rest stand still. */
  | { readonly kind: "proportional"; readonly factor: number; readonly share: number };

/** The base where no field tells another. */
export const DEFAULT_THETA = 10_000;

export interface RopeConfig {
  /** The base of the geometric series of wavelengths. */
  readonly theta: number;
  readonly scaling: RopeScaling;
}

/** Up to how many keys a token's angles are the same; infinite where they depend on nothing but its position. */
export function lengthWithOneTable({ scaling }: RopeConfig, maxPositions: number): number {
  if (scaling.kind === "dynamic-ntk") return maxPositions;
  return scaling.kind === "longrope" ? scaling.originalMaxPositions : Number.POSITIVE_INFINITY;
}

/**
 * The rotary settings of config.json in every spelling: InternLM's `rotary` (2023-11), `rope_theta` with `rope_scaling`
 * (transformers 4), `rope_parameters` (transformers 5). Where two are written, transformers' order holds: `rope_scaling` before
 * `rope_parameters`, and a base inside of either before the one outside (v5.23.0, modeling_rope_utils.py,
 * `convert_rope_params_to_dict`).
 * @param theta The base where none is written.
 * @param wholeCache Whether "dynamic" rotates the whole cache again, which is a trait of the family's code.
 */
export function parseRope(
  config: ConfigFields,
  maxPositions: number,
  wholeCache: boolean,
  theta = DEFAULT_THETA,
): RopeConfig {
  const rotary = config.object("rotary");
  if (rotary !== undefined) return parseRotary(rotary, wholeCache);
  const settings = ropeSettings(config);
  const outer = config.positive(theta, "rope_theta", "rotary_base");
  if (settings === undefined) return { theta: outer, scaling: { kind: "none" } };
  const originalMaxPositions =
    config.optionalCount("original_max_position_embeddings") ??
    settings.optionalCount("original_max_position_embeddings") ??
    maxPositions;
  return {
    theta: settings.positive(outer, "rope_theta"),
    scaling: parseScaling(settings, { maxPositions, originalMaxPositions, wholeCache }),
  };
}

/** Where transformers reads how positions are scaled: the first of the two that says anything. */
export function ropeSettings(config: ConfigFields): ConfigFields | undefined {
  return [config.object("rope_scaling"), config.object("rope_parameters")].find(
    (object) => object !== undefined && Object.keys(object.raw).length > 0,
  );
}

/**
 * How many of a head's dimensions are rotated: `partial_rotary_factor` in the spelling of transformers 5 or 4.
 * @throws WbError WB3701 where it gives no even number.
 */
export function readRotaryShare(config: ConfigFields, headDim: number, usual: number): number {
  const share =
    config.object("rope_parameters")?.find("partial_rotary_factor") ??
    config.find("partial_rotary_factor") ??
    usual;
  const dims = typeof share === "number" ? Math.trunc(headDim * share) : Number.NaN;
  if (dims > 0 && dims <= headDim && dims % 2 === 0) return dims;
  throw config.problem(
    "partial_rotary_factor",
    `a share of head_dim ${headDim} that gives an even number`,
    share,
  );
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

interface ScalingContext {
  readonly maxPositions: number;
  readonly originalMaxPositions: number;
  readonly wholeCache: boolean;
}

function parseScaling(settings: ConfigFields, context: ScalingContext): RopeScaling {
  const type = settings.text("default", "rope_type", "type");
  switch (type) {
    case "default":
      return { kind: "none" };
    case "dynamic": {
      const factor = exactFactor(settings.amount("factor"));
      return { kind: "dynamic-ntk", factor, wholeCache: context.wholeCache };
    }
    case "linear":
      return { kind: "linear", factor: settings.amount("factor") };
    case "llama3":
      return {
        kind: "llama3",
        factor: settings.amount("factor"),
        lowFreqFactor: settings.amount("low_freq_factor"),
        highFreqFactor: settings.amount("high_freq_factor"),
        originalMaxPositions: context.originalMaxPositions,
      };
    case "yarn":
      return parseYarn(settings, context);
    case "longrope":
      return parseLongRope(settings, context);
    case "proportional":
      return {
        kind: "proportional",
        factor: settings.positive(1, "factor"),
        share: settings.positive(1, "partial_rotary_factor"),
      };
    default:
      throw new WbError(
        "WB4702",
        `${settings.path}: rope type ${JSON.stringify(type)} is not supported`,
        { details: { path: settings.path, field: "rope_type" } },
      );
  }
}

/** As transformers v5.23.0, modeling_rope_utils.py, `_compute_yarn_parameters`. */
function parseYarn(
  settings: ConfigFields,
  { maxPositions, originalMaxPositions }: ScalingContext,
): RopeScaling {
  const factor = settings.positive(maxPositions / originalMaxPositions, "factor");
  const mscale = settings.amountUnlessZero("mscale");
  const mscaleAllDim = settings.amountUnlessZero("mscale_all_dim");
  const attentionFactor =
    mscale === undefined || mscaleAllDim === undefined
      ? yarnMagnitude(factor, 1)
      : yarnMagnitude(factor, mscale) / yarnMagnitude(factor, mscaleAllDim);
  return {
    kind: "yarn",
    factor,
    betaFast: settings.positive(32, "beta_fast"),
    betaSlow: settings.positive(1, "beta_slow"),
    originalMaxPositions,
    attentionFactor: settings.positive(attentionFactor, "attention_factor"),
    truncate: settings.flag(true, "truncate"),
  };
}

/** LongRoPE's usual factor on cos and sin. */
export function longRopeMagnitude(factor: number, originalMaxPositions: number): number {
  return factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalMaxPositions));
}

/** LongRoPE has a factor for each of the pairs that are rotated. @throws WbError WB3701. */
export function checkPairFactors(
  config: ConfigFields,
  { scaling }: RopeConfig,
  dims: number,
): void {
  if (scaling.kind !== "longrope") return;
  for (const [field, factors] of [
    ["short_factor", scaling.short],
    ["long_factor", scaling.long],
  ] as const)
    if (factors.length !== dims / 2)
      throw config.problem(field, `${dims / 2} numbers, one for each rotated pair`, factors.length);
}

/** As transformers v5.23.0, modeling_rope_utils.py, `_compute_longrope_parameters` (Ding et al. 2024, arXiv 2402.13753). */
function parseLongRope(
  settings: ConfigFields,
  { maxPositions, originalMaxPositions }: ScalingContext,
): RopeScaling {
  const factor = settings.positive(maxPositions / originalMaxPositions, "factor");
  return {
    kind: "longrope",
    short: settings.amounts("short_factor"),
    long: settings.amounts("long_factor"),
    originalMaxPositions,
    attentionFactor: settings.positive(
      longRopeMagnitude(factor, originalMaxPositions),
      "attention_factor",
    ),
  };
}

/** YaRN's factor on cos and sin: 0.1 · scale · ln(factor) + 1. */
export function yarnMagnitude(factor: number, scale: number): number {
  return factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
}

/** Converted folders have the number after 1 for 1, which transformers before 4.43 refuses. */
function exactFactor(factor: number): number {
  return Math.abs(factor - 1) <= Number.EPSILON ? 1 : factor;
}
