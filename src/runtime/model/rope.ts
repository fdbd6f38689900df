import type { RopeConfig, RopeScaling } from "../../model/config/rope.ts";

/**
 * Rotary position embedding (Su et al. 2021, arXiv 2104.09864, equation 34), with the halves of a head paired as in
 * GPT-NeoX and LLaMA: dimension j is rotated with j + D/2, by the angle position · base^(−2j/D).
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
  const amplitude = "attentionFactor" in scaling ? Math.fround(scaling.attentionFactor) : 1;
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
      return plain.map((frequency) => frequency / Math.fround(scaling.factor));
    case "dynamic-ntk": {
      if (keyLength <= maxPositions) return plain;
      return powers(dynamicBase(scaling, theta, headDim, keyLength, maxPositions), headDim);
    }
    case "llama3":
      return plain.map((frequency) => llama3Frequency(scaling, frequency));
    case "yarn":
      return yarnFrequencies(scaling, theta, headDim);
    case "longrope": {
      const factors = keyLength > scaling.originalMaxPositions ? scaling.long : scaling.short;
      return wavePowers(theta, headDim).map(
        (power, j) => 1 / Math.fround(Math.fround(factors[j] ?? 1) * power),
      );
    }
    case "proportional": {
      const rotated = Math.floor((scaling.share * headDim) / 2);
      return plain.map((frequency, j) =>
        j < rotated ? frequency / Math.fround(scaling.factor) : 0,
      );
    }
    default:
      return scaling satisfies never;
  }
}

function powers(base: number, headDim: number): Float32Array {
  return wavePowers(base, headDim).map((power) => 1 / power);
}

/** base^(2j/D) for j < D/2. */
function wavePowers(base: number, headDim: number): Float32Array {
  return Float32Array.from(
    { length: headDim / 2 },
    (_, j) => base ** Math.fround((2 * j) / headDim),
  );
}

/**
 * theta · (s·L/M − (s − 1))^(D/(D−2)) for a length L beyond M. InternLM's `InternLMDynamicNTKScalingRotaryEmbedding` (2023-11
 * on) counts in Python's numbers; transformers, since v4.45.0, `_compute_dynamic_ntk_parameters`, in float32.
 */
export function dynamicBase(
  { factor, wholeCache }: Extract<RopeScaling, { kind: "dynamic-ntk" }>,
  theta: number,
  headDim: number,
  length: number,
  maxPositions: number,
): number {
  const round = wholeCache ? (value: number): number => value : Math.fround;
  const ratio = round(round(factor * length) / maxPositions);
  const growth = round(round(ratio - (factor - 1)) ** (headDim / (headDim - 2)));
  return round(theta * growth);
}

/**
 * Llama 3.1: long waves are stretched by the factor, short ones kept, those between blended
 * (transformers v5.23.0, modeling_rope_utils.py, `_compute_llama3_parameters`).
 */
function llama3Frequency(
  scaling: Extract<RopeScaling, { kind: "llama3" }>,
  frequency: number,
): number {
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositions } = scaling;
  const { fround } = Math;
  // torch divides a number by a tensor as its reciprocal times the number.
  const wavelength = fround(fround(1 / frequency) * fround(2 * Math.PI));
  const stretched = fround(frequency / fround(factor));
  if (wavelength > fround(originalMaxPositions / lowFreqFactor)) return stretched;
  if (wavelength < fround(originalMaxPositions / highFreqFactor)) return frequency;
  const waves = fround(fround(1 / wavelength) * originalMaxPositions);
  const smooth = fround(
    fround(waves - fround(lowFreqFactor)) / fround(highFreqFactor - lowFreqFactor),
  );
  const long = fround(fround(fround(1 - smooth) * frequency) / fround(factor));
  return long + fround(smooth * frequency);
}

/** YaRN (Peng et al. 2023, arXiv 2309.00071, section 3.2), as transformers v5.23.0, `_compute_yarn_parameters`. */
function yarnFrequencies(
  scaling: Extract<RopeScaling, { kind: "yarn" }>,
  theta: number,
  headDim: number,
): Float32Array {
  const { fround } = Math;
  const dimensionOf = (rotations: number): number =>
    (headDim * Math.log(scaling.originalMaxPositions / (rotations * 2 * Math.PI))) /
    (2 * Math.log(theta));
  const first = dimensionOf(scaling.betaFast);
  const last = dimensionOf(scaling.betaSlow);
  const low = Math.max(0, scaling.truncate ? Math.floor(first) : first);
  const high = Math.min(headDim - 1, scaling.truncate ? Math.ceil(last) : last);
  const width = fround(high === low ? 0.001 : high - low);
  return wavePowers(theta, headDim).map((power, j) => {
    const ramp = Math.min(1, Math.max(0, fround(fround(j - fround(low)) / width)));
    const kept = fround(1 - ramp);
    const interpolated = fround(1 / fround(fround(scaling.factor) * power));
    return fround(interpolated * fround(1 - kept)) + fround(fround(1 / power) * kept);
  });
}
