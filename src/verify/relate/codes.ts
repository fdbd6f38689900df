import type { HostTensor } from "../compare/model-runner.ts";
import { bf16ToF32Bits, f16ToF32Bits } from "../../tensor/float-bits.ts";
import { nearness } from "./claim.ts";
import { sizeOf } from "../diagnose/hypotheses/tensor-edits.ts";

/** The largest magnitude of 8-bit codes. */
export const LARGEST_CODE = 255;

/** Different values at least before whole numbers say something: norms of ones are whole, too. */
const MIN_DISTINCT = 12;

/** What a code may be off by: half a step, and what is left of the values' own rounding. */
export const CODE_SLACK = 0.55;

/** Share of their size that values which were only rounded are off by at most. */
const NEAR = 0.2;

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

/** Whole numbers of 8 bits, each times one step. */
export interface Codes {
  readonly step: number;
  /** The largest magnitude, in steps. */
  readonly largest: number;
}

/** What is left of a whole number of steps when it is stored as float32. */
const STEP_SLACK = 2 ** -20;

/**
 * The step whose whole multiples of at most 8 bits all values are, and many different ones: 1, or the one scale that codes were
 * multiplied by. Undefined for values that need finer steps.
 */
function codesOf(data: Float32Array): Codes | undefined {
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for (const value of data) {
    const size = Math.abs(value);
    if (!Number.isFinite(size)) return undefined;
    if (size > most) most = size;
    if (size !== 0 && size < least) least = size;
  }
  if (most === 0 || most / least > LARGEST_CODE) return undefined;
  // The least value is one step where codes are many.
  const step = Number.isInteger(least) && isWhole(data, -LARGEST_CODE, LARGEST_CODE) ? 1 : least;
  const seen = new Set<number>();
  for (const value of data) {
    const code = value / step;
    if (Math.abs(code - Math.round(code)) > STEP_SLACK * Math.abs(code)) return undefined;
    if (seen.size < MIN_DISTINCT) seen.add(Math.round(code));
  }
  return seen.size < MIN_DISTINCT ? undefined : { step, largest: Math.round(most / step) };
}

/** Share of a tensor's rows that reach the largest code where each row had a scale of its own. */
const ROWS_AT_LARGEST = 0.9;

/**
 * Codes whose scales were lost, told by themselves: whole numbers, or steps that nearly every row has as many of. Under one scale that
 * is still there, which is rounding, some rows are larger than others.
 */
export function lostScales(tensor: HostTensor): Codes | undefined {
  const codes = codesOf(tensor.data);
  if (codes === undefined || codes.step === 1) return codes;
  const { rows, columns } = sizeOf(tensor);
  if (rows < MIN_DISTINCT || columns < 2) return undefined;
  let reaching = 0;
  for (let row = 0; row < rows; row++) {
    const part = tensor.data.subarray(row * columns, (row + 1) * columns);
    if (part.some((value) => Math.abs(value) >= (codes.largest - 1.5) * codes.step)) reaching++;
  }
  return reaching >= ROWS_AT_LARGEST * rows ? codes : undefined;
}

/** The words for a multiple of a step. */
export function multiples({ step, largest }: Codes): string {
  const whole = `a whole number up to ${largest}`;
  return step === 1 ? whole : `${whole} times ${Number(step.toPrecision(6))}`;
}

/** Codes of a quantized tensor read as its values: how many elements in a row share a scale; undefined where they are none. */
export function codesWithoutScales(
  ours: HostTensor,
  reference: HostTensor,
): (Codes & { readonly group: number }) | undefined {
  const codes = codesOf(ours.data);
  // Near its values it has its scales, and was rounded.
  if (codes === undefined || nearness(ours, reference).share < NEAR) return undefined;
  const whole = ours.data.map((value) => Math.round(value / codes.step));
  const group = groupsOf(ours).find((size) => areCodes(whole, reference.data, size));
  return group === undefined ? undefined : { ...codes, group };
}

/** How many elements may share a scale: all, those of a row, or those of a block of it. */
export function groupsOf(tensor: HostTensor): readonly number[] {
  const columns = tensor.shape.length === 1 ? 1 : sizeOf(tensor).columns;
  const blocks = BLOCKS.filter((size) => columns % size === 0);
  return [tensor.data.length, columns, ...blocks].filter((size) => size > 1);
}

/** Words for how many elements share a factor. */
export function perGroup(group: number, tensor: HostTensor): string {
  if (group === tensor.data.length) return "one factor";
  if (group === sizeOf(tensor).columns) return "one factor for each row";
  return `one factor for each ${group} elements of a row`;
}

/** Whether one factor for each group rounds every value to its code: the intervals in which it may be have something in common. */
export function areCodes(codes: Float32Array, values: Float32Array, group: number): boolean {
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
