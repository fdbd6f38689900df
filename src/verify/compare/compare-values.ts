import { decodeValues } from "../../tensor/decode.ts";
import { DTYPES, dtypeRow, type Dtype } from "../../tensor/dtype.ts";
import { compareFloats } from "./compare-floats.ts";
import { plainPair } from "./plain-pair.ts";
import type { Rounding, ValueDifference } from "./value-difference.ts";
import { f32Bits, f32BitsToBf16, f32BitsToF16 } from "../../tensor/float-bits.ts";

export function noDifference(): ValueDifference {
  return {
    elements: 0,
    identicalBits: true,
    equalValues: true,
    maxAbs: 0,
    maxRel: 0,
    ulp: 0,
    firstIndex: -1,
    differing: 0,
    beyondRounding: 0,
  };
}

/** The dtype of two that keeps less of a number. */
export function coarserDtype<D extends Dtype>(left: D, right: D): D {
  return relativeRounding(left) >= relativeRounding(right) ? left : right;
}

/** 0 for numbers that are kept as they are. */
function relativeRounding(dtype: Dtype): number {
  return dtypeRow(dtype).rounding?.relative ?? 0;
}

/**
 * What converting from one of two dtypes to the other may change: bfloat16 keeps less of a number, float16 less of a small one. 0 for
 * one dtype.
 */
export function roundingTolerance(left: Dtype, right: Dtype): Rounding {
  if (left === right) return { relative: 0, absolute: 0 };
  const smallest = [left, right].map((dtype) => dtypeRow(dtype).rounding?.smallest ?? 0);
  return {
    relative: Math.max(relativeRounding(left), relativeRounding(right)),
    absolute: Math.max(...smallest) / 2,
  };
}

/** Adds a chunk of both sides, the same elements of each, to `total`. */
export function addChunk(
  total: ValueDifference,
  left: Uint8Array,
  leftDtype: Dtype,
  right: Uint8Array,
  rightDtype: Dtype,
): void {
  const count = left.byteLength / (DTYPES[leftDtype].bits / 8);
  const base = total.elements;
  total.elements += count;
  if (leftDtype === rightDtype && Buffer.compare(left, right) === 0) return;
  total.identicalBits = false;
  const plain = plainPair(left, leftDtype, right, rightDtype);
  if (plain !== undefined) {
    const facts = { base, coarse: coarserDtype(plain.aDtype, plain.bDtype) };
    compareFloats(total, plain, facts, roundingTolerance(leftDtype, rightDtype));
    return;
  }
  const a = decodeValues(left, leftDtype);
  const b = decodeValues(right, rightDtype);
  if (a === undefined || b === undefined || a.length !== b.length) {
    total.equalValues = false;
    total.maxAbs = Number.NaN;
    total.ulp = undefined;
    if (total.firstIndex < 0) total.firstIndex = base;
    return;
  }
  compareNumbers(total, a, b, base, leftDtype, rightDtype);
}

function compareNumbers(
  total: ValueDifference,
  a: Float64Array,
  b: Float64Array,
  base: number,
  leftDtype: Dtype,
  rightDtype: Dtype,
): void {
  const { relative, absolute } = roundingTolerance(leftDtype, rightDtype);
  const coarse = coarserDtype(leftDtype, rightDtype);
  const width = DTYPES[leftDtype].kind === "complex" ? 2 : 1;
  for (let index = 0; index < a.length; index++) {
    const x = a[index] ?? Number.NaN;
    const y = b[index] ?? Number.NaN;
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    total.equalValues = false;
    total.differing++;
    if (total.firstIndex < 0) total.firstIndex = base + Math.floor(index / width);
    const difference = Math.abs(x - y);
    // Math.max gives NaN when either is: once a NaN was met, no later element hides it.
    total.maxAbs = Math.max(total.maxAbs, difference);
    if (y !== 0) total.maxRel = Math.max(total.maxRel, difference / Math.abs(y));
    const beyond = difference - relative * Math.abs(y) - absolute;
    total.beyondRounding = Math.max(total.beyondRounding, beyond);
    const distance = ulpDistance(x, y, coarse);
    if (distance === undefined) total.ulp = undefined;
    else if (total.ulp !== undefined && distance > total.ulp) total.ulp = distance;
  }
}

/** Distance of two values in units of the last place of a float dtype; undefined for others and for NaN. */
function ulpDistance(x: number, y: number, dtype: Dtype): number | undefined {
  if (Number.isNaN(x) || Number.isNaN(y)) return undefined;
  const orderOf = (value: number): number | undefined => {
    switch (dtype) {
      case "F32":
        return ordered(f32Bits(value), 0x80000000);
      case "F16":
        return ordered(f32BitsToF16(f32Bits(value)), 0x8000);
      case "BF16":
        return ordered(f32BitsToBf16(f32Bits(value)), 0x8000);
      default:
        return undefined;
    }
  };
  const [left, right] = [orderOf(x), orderOf(y)];
  return left === undefined || right === undefined ? undefined : Math.abs(left - right);
}

/** A float's pattern as a whole number that grows with the value. */
function ordered(pattern: number, signBit: number): number {
  return pattern >= signBit ? -(pattern - signBit) : pattern;
}
