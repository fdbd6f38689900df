import { dequantised, typeOf } from "./drawn-blocks.ts";
import { fusedMultiplyAdd } from "./fused-multiply-add.ts";

/** Inputs that are rounded together. */
const UNIT = 32;

/** What 32 inputs of a row become: step · levels. */
export interface RoundedUnit {
  readonly levels: readonly number[];
  readonly step: number;
}

/** A row of x in int8, as native/kernels/rounded.h has it. */
export function roundedUnits(x: Float32Array): readonly RoundedUnit[] {
  return Array.from({ length: x.length / UNIT }, (_, unit) => {
    const some = [...x.subarray(unit * UNIT, (unit + 1) * UNIT)];
    const largest = Math.max(...some.map(Math.abs));
    if (largest < 2 ** -110) return { levels: some.map(() => 0), step: 0 };
    const inverse = Math.fround(127 / largest);
    return {
      levels: some.map((value) => halfToEven(Math.fround(value * inverse))),
      step: Math.fround(largest / 127),
    };
  });
}

function halfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** A product in float64 of float32 weights with what x was rounded to, and how far from it the product of x itself, and sums in float32, may be. */
export interface RoundedProduct {
  readonly product: number;
  readonly plain: number;
  /** Σ |w| · step / 2, which rounding x makes at most. */
  readonly bound: number;
  /** What float32 makes of weights, scales and sums at most. */
  readonly noise: number;
}

export function roundedProduct(
  weights: Float32Array,
  x: Float32Array,
  units: readonly RoundedUnit[],
): RoundedProduct {
  let [product, plain, bound, sizes] = [0, 0, 0, 0];
  weights.forEach((weight, index) => {
    const { step = 0, levels = [] } = units[Math.floor(index / UNIT)] ?? {};
    product += weight * step * (levels[index % UNIT] ?? 0);
    plain += weight * (x[index] ?? 0);
    // A quotient in float32 may be that much on the other side of a half.
    bound += Math.abs(weight) * step * (0.5 + 127 * 2 ** -22);
    sizes += Math.abs(weight) * step * 127;
  });
  return { product, plain, bound, noise: sizes * (weights.length / UNIT + 8) * 2 ** -24 };
}

/** The bits of a row of Q8_0 times x: a product of integers for each block, added to the sum by one fused operation. */
export function productInQ8(row: Uint8Array, units: readonly RoundedUnit[]): number {
  const { bytes } = typeOf("Q8_0");
  let sum = 0;
  units.forEach(({ levels, step }, unit) => {
    const block = row.subarray(unit * bytes, (unit + 1) * bytes);
    const own = new Int8Array(block.slice(2).buffer);
    const one = block.slice();
    // The scale alone: that of a level of one.
    one[2] = 1;
    const scale = dequantised("Q8_0", one)[0] ?? Number.NaN;
    const total = levels.reduce((all, level, index) => all + level * (own[index] ?? 0), 0);
    sum = fusedMultiplyAdd(total, Math.fround(scale * step), sum);
  });
  return sum;
}
