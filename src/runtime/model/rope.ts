import type { RopeConfig, RopeScaling } from "../../mapping/rope-config.ts";
import type { Ops, Value } from "../ops.ts";

/**
 * Rotary position embedding (Su et al. 2021, arXiv 2104.09864, equation 34), with the halves of a head paired as in
 * GPT-NeoX and LLaMA: dimension j turns with j + D/2, by the angle position · base^(−2j/D).
 *
 * Numbers are rounded to float32 where torch rounds them: exponent, power, frequency, angle, cosine.
 */
export interface RopeTable {
  /** cos and sin of each position's angles, the D/2 angles twice over: [positions, D] row-major. */
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/** True where cached keys are all rotated anew at each step, so that they must be cached before they are rotated. */
export function rotatesWholeCache({ scaling }: RopeConfig): boolean {
  return scaling.kind === "dynamic-ntk" && scaling.wholeCache;
}

/**
 * cos and sin for `positions` when `keyLength` tokens are visible in all.
 * @param headDim D, the number of rotated dimensions.
 * @param maxPositions M, the trained context.
 */
export function ropeTable(
  { theta, scaling }: RopeConfig,
  headDim: number,
  maxPositions: number,
  positions: ArrayLike<number>,
  keyLength: number,
): RopeTable {
  const frequencies = inverseFrequencies({ theta, scaling }, headDim, maxPositions, keyLength);
  const amplitude = scaling.kind === "yarn" ? Math.fround(scaling.attentionFactor) : 1;
  const half = headDim / 2;
  const cos = new Float32Array(positions.length * headDim);
  const sin = new Float32Array(positions.length * headDim);
  for (let row = 0; row < positions.length; row++) {
    for (let j = 0; j < half; j++) {
      const angle = Math.fround((positions[row] ?? 0) * (frequencies[j] ?? 0));
      const index = row * headDim + j;
      const cosine = Math.fround(Math.cos(angle)) * amplitude;
      const sine = Math.fround(Math.sin(angle)) * amplitude;
      cos[index] = cosine;
      cos[index + half] = cosine;
      sin[index] = sine;
      sin[index + half] = sine;
    }
  }
  return { cos, sin };
}

/** x · cos + rotateHalf(x) · sin, rotateHalf([x1, x2]) = [−x2, x1]; x [B, H, T, D], cos and sin [B or 1, 1, T, D]. */
export function rotate(ops: Ops, x: Value, cos: Value, sin: Value): Value {
  if (ops.fused !== undefined) return ops.fused.rotate(x, cos, sin);
  const half = (x.shape.at(-1) ?? 0) / 2;
  const x1 = ops.slice(x, 3, 0, half); // [B, H, T, D/2]
  const x2 = ops.slice(x, 3, half, half); // [B, H, T, D/2]
  const turned = ops.concat([ops.scale(x2, -1), x1], 3); // [B, H, T, D]
  return ops.add(ops.mul(x, cos), ops.mul(turned, sin)); // [B, H, T, D]
}

/** theta^(−2j/D) for j < D/2, changed as the kind of scaling says; radians per position. */
export function inverseFrequencies(
  { theta, scaling }: RopeConfig,
  headDim: number,
  maxPositions: number,
  keyLength: number,
): Float32Array {
  const plain = powers(theta, headDim);
  switch (scaling.kind) {
    case "none":
      return plain;
    case "linear":
      return plain.map((frequency) => frequency / scaling.factor);
    case "dynamic-ntk": {
      if (keyLength <= maxPositions) return plain;
      return powers(dynamicBase(theta, scaling.factor, headDim, keyLength / maxPositions), headDim);
    }
    case "llama3":
      return plain.map((frequency) => llama3Frequency(scaling, frequency));
    case "yarn":
      return yarnFrequencies(scaling, theta, headDim, plain);
    default:
      return scaling satisfies never;
  }
}

function powers(base: number, headDim: number): Float32Array {
  return Float32Array.from({ length: headDim / 2 }, (_, j) => {
    const power = Math.fround(base ** Math.fround((2 * j) / headDim));
    return 1 / power;
  });
}

/**
 * theta · (s·L/M − (s − 1))^(D/(D−2)) for a length L beyond M: InternLM's `InternLMDynamicNTKScalingRotaryEmbedding`
 * (2023-11 on), the same as transformers v4.36.2 `LlamaDynamicNTKScalingRotaryEmbedding`.
 */
function dynamicBase(theta: number, factor: number, headDim: number, lengthRatio: number): number {
  return theta * (factor * lengthRatio - (factor - 1)) ** (headDim / (headDim - 2));
}

/**
 * Llama 3.1: long waves are stretched by the factor, short ones kept, those between blended
 * (transformers v4.45.0, modeling_rope_utils.py, `_compute_llama3_parameters`).
 */
function llama3Frequency(
  scaling: Extract<RopeScaling, { kind: "llama3" }>,
  frequency: number,
): number {
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositions } = scaling;
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength > originalMaxPositions / lowFreqFactor) return frequency / factor;
  if (wavelength < originalMaxPositions / highFreqFactor) return frequency;
  const smooth =
    (originalMaxPositions / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}

/** YaRN (Peng et al. 2023, arXiv 2309.00071, section 3.2), as transformers v4.45.0, `_compute_yarn_parameters`. */
function yarnFrequencies(
  scaling: Extract<RopeScaling, { kind: "yarn" }>,
  theta: number,
  headDim: number,
  plain: Float32Array,
): Float32Array {
  const dimensionOf = (rotations: number): number =>
    (headDim * Math.log(scaling.originalMaxPositions / (rotations * 2 * Math.PI))) /
    (2 * Math.log(theta));
  const low = Math.max(0, Math.floor(dimensionOf(scaling.betaFast)));
  const high = Math.min(headDim - 1, Math.ceil(dimensionOf(scaling.betaSlow)));
  const width = high === low ? 0.001 : high - low;
  return plain.map((frequency, j) => {
    const ramp = Math.min(1, Math.max(0, (j - low) / width));
    return (frequency / scaling.factor) * ramp + frequency * (1 - ramp);
  });
}
