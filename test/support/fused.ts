import { f32Bits } from "../../src/tensor/float-bits.ts";

/** left · right + addend rounded once to float32, in whole numbers: nothing in common with how src computes it. */
export function fused(left: number, right: number, addend: number): number {
  // Two float32 have 48 bits together.
  const product = left * right;
  const sum = product + addend;
  if (!Number.isFinite(sum) || sum === 0) return sum;
  const exact = units(left) * units(right) + (units(addend) << UNIT);
  const magnitude = rounded(exact < 0n ? -exact : exact);
  return exact < 0n ? -magnitude : magnitude;
}

/** The least float32 is 2^-149. */
const UNIT = 149n;

/** A float32 in units of 2^-149. */
function units(value: number): bigint {
  const bits = f32Bits(value);
  const exponent = (bits >>> 23) & 0xff;
  const mantissa = BigInt(bits & 0x7fffff);
  const whole = exponent === 0 ? mantissa : (mantissa | 0x800000n) << BigInt(exponent - 1);
  return bits >>> 31 === 0 ? whole : -whole;
}

/** The float32 that is nearest to so many units of 2^-298, even where two are. */
function rounded(exact: bigint): number {
  const length = exact.toString(2).length;
  // Bits below float32's 24, or below its least unit.
  const dropped = BigInt(Math.max(length - 24, Number(UNIT)));
  const rest = exact & ((1n << dropped) - 1n);
  const half = 1n << (dropped - 1n);
  let kept = exact >> dropped;
  if (rest > half || (rest === half && (kept & 1n) === 1n)) kept += 1n;
  const value = Number(kept) * 2 ** (Number(dropped) - 298);
  return value >= 2 ** 128 ? Infinity : value;
}
