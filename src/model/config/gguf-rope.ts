import type { RawConfig } from "./fields.ts";
import type { GgufKeys } from "./gguf-keys.ts";
import { unsupported } from "./unsupported.ts";

/** The tensor in which llama.cpp's files keep what llama3's rotary scaling makes of each frequency. */
export const ROPE_FACTORS = "rope_freqs.weight";

export interface Rotary {
  readonly theta: number;
  readonly headDim: number;
}

/** `rope_scaling` of config.json, where there is any. @throws WbError WB4702. */
export function ggufRopeScaling(
  keys: GgufKeys,
  factors: readonly number[] | undefined,
  rotary: Rotary,
): RawConfig {
  const kind = keys.text("rope.scaling.type") ?? "none";
  const original = keys.optional("rope.scaling.original_context_length");
  if (factors !== undefined) return { rope_scaling: llama3Scaling(factors, rotary, original) };
  switch (kind) {
    case "none":
      return {};
    case "linear":
      return { rope_scaling: { rope_type: "linear", factor: keys.number("rope.scaling.factor") } };
    case "yarn":
      return {
        rope_scaling: {
          rope_type: "yarn",
          factor: keys.number("rope.scaling.factor"),
          ...(original === undefined ? {} : { original_max_position_embeddings: original }),
        },
      };
    default:
      throw unsupported(keys.full("rope.scaling.type"), "rope.scaling.type", kind);
  }
}

/** Lengths that models were trained at first; any of them where no frequency is between the two ends. */
const ORIGINAL_LENGTHS = [8192, 4096, 2048, 16_384, 32_768, 65_536, 131_072];

/** Two factors are the same up to the roundings of float32. */
const FACTOR_TOLERANCE = 1e-5;

/**
 * The settings of llama3's rotary scaling from what it divides each frequency by (arXiv 2407.21783; transformers v5.23.0,
 * modeling_rope_utils.py, `_compute_llama3_parameters`): low and high frequency factors 1 and 4, as all published models have.
 * @param factors headDim / 2 numbers.
 * @throws WbError WB4702 where no setting gives these factors.
 */
function llama3Scaling(
  factors: readonly number[],
  { theta, headDim }: Rotary,
  said: number | undefined,
): RawConfig {
  const factor = Math.max(...factors);
  const periodOf = (index: number): number => theta ** ((2 * index) / headDim);
  const fits = (original: number): boolean =>
    factors.length === headDim / 2 &&
    factors.every((found, index) => {
      const expected = llama3Factor(periodOf(index), factor, original);
      return Math.abs(found - expected) <= FACTOR_TOLERANCE * expected;
    });
  const lengths = [
    ...(said === undefined ? [] : [said]),
    ...factors.flatMap((found, index) => originalLength(found, factor, periodOf(index)) ?? []),
    ...ORIGINAL_LENGTHS,
  ];
  const original = lengths.find(fits);
  if (original === undefined)
    throw unsupported(ROPE_FACTORS, "rotary factors", factors.slice(0, SHOWN_FACTORS));
  return {
    rope_type: "llama3",
    factor,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: original,
  };
}

const SHOWN_FACTORS = 8;

/** The trained length that makes `found` of a frequency between the two ends, where all that follows is decided. */
function originalLength(found: number, factor: number, period: number): number | undefined {
  if (found <= 1 || found >= factor) return undefined;
  const smooth = (1 / found - 1 / factor) / (1 - 1 / factor);
  return Math.round(2 * Math.PI * period * (3 * smooth + 1));
}

/** What the frequency 1 / `period` is divided by. */
export function llama3Factor(period: number, factor: number, original: number): number {
  const wavelength = 2 * Math.PI * period;
  if (wavelength < original / 4) return 1;
  if (wavelength > original) return factor;
  const smooth = (original / wavelength - 1) / 3;
  return 1 / ((1 - smooth) / factor + smooth);
}
