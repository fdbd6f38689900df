import type { HostTensor } from "../compare/model-runner.ts";
import { bf16ToF32Bits, f16ToF32Bits } from "../../tensor/float-bits.ts";
import { sizeOf } from "../diagnose/hypotheses/tensor-edits.ts";

/** The largest magnitude of 8-bit codes. */
export const LARGEST_CODE = 255;

/** Different values at least before whole numbers say something: norms of ones are whole, too. */
const MIN_DISTINCT = 12;

/** What a code may be off by: half a step, and what is left of the values' own rounding. */
export const CODE_SLACK = 0.55;

/** Elements of a row that block-wise quantization gives one scale. */
const BLOCKS = [32, 64, 128, 256, 16];

/** Whole numbers of an interval, and many different ones. */
export function isWhole(data: Float32Array, least: number, most: number): boolean {
  const seen = new Set<number>();
  for (const value of data) {
    if (!Number.isInteger(value) || value < least || value > most) return false;
    if (seen.size < MIN_DISTINCT) seen.add(value);
  }
  return seen.size >= MIN_DISTINCT;
}

/** Codes of a quantized tensor read as its values: how many elements in a row share a scale; undefined where they are none. */
export function codesWithoutScales(
  ours: HostTensor,
  reference: HostTensor,
): { readonly group: number; readonly largest: number } | undefined {
  if (!isWhole(ours.data, -LARGEST_CODE, LARGEST_CODE)) return undefined;
  const { columns } = sizeOf(ours);
  const groups = [ours.data.length, columns, ...BLOCKS.filter((size) => columns % size === 0)];
  const group = groups.find((size) => size > 1 && areCodes(ours.data, reference.data, size));
  if (group === undefined) return undefined;
  return { group, largest: ours.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0) };
}

/** Whether one factor for each group rounds every value to its code: the intervals in which it may be have something in common. */
function areCodes(codes: Float32Array, values: Float32Array, group: number): boolean {
  for (let begin = 0; begin < codes.length; begin += group) {
    let [low, high] = [0, Number.POSITIVE_INFINITY];
    for (let index = begin; index < begin + group; index++) {
      const value = Math.abs(values[index] ?? 0);
      const code = (codes[index] ?? 0) * Math.sign(values[index] ?? 0);
      if (code < 0 || (value === 0 && codes[index] !== 0)) return false;
      if (value === 0) continue;
      low = Math.max(low, (code - CODE_SLACK) / value);
      high = Math.min(high, (code + CODE_SLACK) / value);
    }
    if (low > high) return false;
  }
  return true;
}

const words = new Uint32Array(1);
const floats = new Float32Array(words.buffer);

/** Whole numbers whose 16 bits are the other side's values in a half dtype. */
export function bitsAsNumbers(ours: HostTensor, reference: HostTensor): "F16" | "BF16" | undefined {
  if (!isWhole(ours.data, -(2 ** 15), 2 ** 16 - 1)) return undefined;
  return (["BF16", "F16"] as const).find((dtype) =>
    ours.data.every((value, index) => {
      const bits = value & 0xffff;
      words[0] = dtype === "BF16" ? bf16ToF32Bits(bits) : f16ToF32Bits(bits);
      return floats[0] === reference.data[index];
    }),
  );
}
